"use strict";

// Starts Swagger UI on a dialect's page, which says what to show in the data of its element.
const page = document.getElementById("swagger-ui").dataset;
const server = `${page.server}/`;
const here = new URL("..", window.location.href).href;

// The document names the server's public address. Who opened this page at another one (localhost,
// a proxy) goes on asking there: a browser allows a page only its own origin.
function askHere(request) {
  if (request.url.startsWith(server)) {
    request.url = here + request.url.slice(server.length);
  }
  return request;
}

const ui = SwaggerUIBundle({
  url: new URL(page.document, window.location.href).href,
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: askHere,
});

ui.initOAuth({ scopes: page.scopes, usePkceWithAuthorizationCodeGrant: false });
