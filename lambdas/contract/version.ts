/** Version of the service in `GET /v1/health` and docs/openapi.json. Generated from package.json: `npm version`. */
export const SERVICE_VERSION = '0.1.0';
