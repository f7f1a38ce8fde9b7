/** Version of the service, as `GET /v1/health` and docs/openapi.json say it. A test holds it equal to package.json. */
export const SERVICE_VERSION = '0.1.0';
