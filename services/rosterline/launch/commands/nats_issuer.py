"""`rosterline nats-issuer`: a key with which the API admits vendors to NATS. Keeps nothing."""

import typer

from rosterline.bus.issuer import Issuer, make_seed
from rosterline.launch.display import print_json, print_line
from rosterline.launch.options import JsonOption

app = typer.Typer(add_completion=False)


@app.command("nats-issuer")
def issuer_command(as_json: JsonOption = False) -> None:
    """Make a key with which the API admits vendors to your NATS.

    The seed is ROSTERLINE_NATS_ISSUER_SEED of the API and stays secret; the public key is the
    issuer in the server's configuration (deploy/nats/nats.conf).
    """
    seed = make_seed()
    public_key = Issuer(seed).public_key
    if as_json:
        print_json({"seed": seed, "public_key": public_key})
        return
    print_line(f"NATS_ISSUER_SEED={seed}\nNATS_ISSUER={public_key}")
