// Starts the API reference. A file of its own because the page's policy allows no inline script.
interface ReferenceOptions {
	url: string;
	dom_id: string;
	deepLinking: boolean;
	validatorUrl: null;
	docExpansion: 'list' | 'full' | 'none';
	defaultModelsExpandDepth: number;
	displayRequestDuration: boolean;
	tryItOutEnabled: boolean;
	persistAuthorization: boolean;
}
declare const SwaggerUIBundle: (options: ReferenceOptions) => unknown;

SwaggerUIBundle({
	url: '/openapi.json',
	dom_id: '#reference',
	deepLinking: true,
	validatorUrl: null, // the default asks a server on the internet
	docExpansion: 'list',
	defaultModelsExpandDepth: 0,
	displayRequestDuration: true,
	tryItOutEnabled: true,
	persistAuthorization: false, // a token stays in memory, not in the browser's storage
});
