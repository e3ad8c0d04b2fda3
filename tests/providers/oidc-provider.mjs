// An OpenID provider of the npm package oidc-provider, for the suite: prints its issuer, and serves until its
// standard input ends. Any name signs in with any password.
//
// The package lies below target/, so the path of its folder is the first argument.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

const require = createRequire(resolve(process.argv[2], 'package.json'));
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'papertrader',
        client_secret: process.argv[3],
        application_type: 'native',
        grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        // A loopback address with any port is one of these (RFC 8252, section 7.3).
        redirect_uris: ['http://127.0.0.1/', 'http://127.0.0.1/back'],
      },
    ],
    cookies: { keys: ['for tests'] },
    features: { deviceFlow: { enabled: true } },
    pkce: { required: () => true },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
