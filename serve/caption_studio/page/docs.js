// The API's reference, from the document that this service publishes.
SwaggerUIBundle({
  url: new URL('../openapi.json', document.currentScript.src).href,
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null, // another host
  tryItOutEnabled: true,
});
