"""Access tokens: short-lived JWTs, signed with HS256, that name a connection and its scopes."""

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import NotRequired, TypedDict, cast

import jwt

from rosterline.api.access.directory import Directory, Vendor
from rosterline.api.access.signing import SigningKeys
from rosterline.api.errors import unauthorised
from rosterline.api.viewing.viewers import Viewer

ALGORITHM = "HS256"
MOST_VERIFIED = 1000
EXPIRED = "The access token has expired; ask for a new one"


class Claims(TypedDict):
    """What a token says; `gen` is the generation of the connection's secret.

    `schools` limits it to some of the connection's.
    """

    sub: str
    gen: str
    scope: str
    iat: int
    exp: int
    schools: NotRequired[list[str]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, and what the token allows; `schools` where it limits to some."""

    vendor: Vendor
    scopes: frozenset[str]
    schools: tuple[str, ...] | None = None

    def see_as(self, vendor: Vendor) -> Viewer:
        """What the caller sees, when this is what is known of its connection."""
        if self.schools is None:
            return vendor.viewer
        return replace(vendor.viewer, schools=self.schools)


class Tokens:
    """Makes tokens and reads them."""

    def __init__(self, keys: SigningKeys, directory: Directory, seconds: int) -> None:
        self._keys = keys
        self._directory = directory
        self._verified: OrderedDict[str, Claims] = OrderedDict()
        self.seconds = seconds

    async def issue(
        self, vendor: Vendor, scopes: tuple[str, ...], *, schools: tuple[str, ...] | None = None
    ) -> str:
        """A token that lasts for `seconds`, or until the connection's secret changes."""
        await self._directory.note_token(vendor)
        key_id, secret = await self._keys.newest()
        now = int(time.time())
        claims = Claims(
            sub=vendor.client_id,
            gen=vendor.generation,
            scope=" ".join(scopes),
            iat=now,
            exp=now + self.seconds,
        )
        if schools is not None:
            claims["schools"] = list(schools)
        return jwt.encode(dict(claims), secret, algorithm=ALGORITHM, headers={"kid": key_id})

    async def read(self, token: str) -> Caller:
        """The caller behind a token; raises 401 for one that does not hold (any more)."""
        claims = await self._claims(token)
        vendor = await self._directory.find(claims["sub"])
        if vendor is None or vendor.generation != claims["gen"]:
            raise unauthorised("The connection of this access token has ended or has a new secret")
        return Caller(vendor, frozenset(claims["scope"].split()), _limit(vendor, claims))

    async def _claims(self, token: str) -> Claims:
        """Verifying costs more than all else that Python does for a page, so it is done once."""
        claims = self._verified.get(token)
        if claims is None:
            claims = await self._verify(token)
            self._verified[token] = claims
            while len(self._verified) > MOST_VERIFIED:
                self._verified.popitem(last=False)
        if time.time() >= claims["exp"]:
            raise unauthorised(EXPIRED)
        return claims

    async def _verify(self, token: str) -> Claims:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            secret = await self._keys.find(str(key_id))
            if secret is None:
                raise unauthorised("The access token was not made by this server")
            claims = jwt.decode(
                token,
                secret,
                algorithms=[ALGORITHM],
                options={"require": list(Claims.__required_keys__)},
            )
        except jwt.ExpiredSignatureError:
            raise unauthorised(EXPIRED) from None
        except jwt.PyJWTError:
            raise unauthorised("The access token is not valid") from None
        return cast("Claims", claims)


def _limit(vendor: Vendor, claims: Claims) -> tuple[str, ...] | None:
    """The schools that the token is limited to and the connection has."""
    if "schools" not in claims:
        return None
    schools = tuple(
        school for school in claims["schools"] if vendor.schools is None or school in vendor.schools
    )
    if not schools:
        raise unauthorised("The connection of this access token has lost its schools")
    return schools
