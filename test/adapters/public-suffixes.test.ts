import { describe, expect, it } from '@jest/globals';
import { publicSuffixList } from '../../lambdas/adapters/psl/public-suffixes.ts';

describe('the check for shared domains', () => {
  it.each([
    'vercel.app',
    'github.io',
    'co.uk',
    'com.au',
    'myshopify.com',
    's3.amazonaws.com',
    's3.eu-west-1.amazonaws.com',
    'amazonaws.com',
    'eu-west-1.amazonaws.com',
    'compute.amazonaws.com',
    'elasticbeanstalk.com',
    'cloudfront.net',
    'netlify.app',
    'pages.dev',
    'workers.dev',
    'web.app',
    'firebaseapp.com',
    'herokuapp.com',
    'azurewebsites.net',
    'azurestaticapps.net',
    'blob.core.windows.net',
    'windows.net',
    'webflow.io',
    'blogspot.com',
    'ngrok.io',
    'ngrok-free.app',
    'fly.dev',
    'onrender.com',
    'gitlab.io',
    'xn--55qx5d.cn',
    'squarespace.com',
    'wordpress.com',
    'weebly.com',
    'godaddysites.com',
    'sharepoint.com',
    'mybigcommerce.com',
    'substack.com',
    'app.github.dev',
    'googleusercontent.com',
    'kawasaki.jp',
    'ck',
    'com',
    'nonexistent-tld',
  ])('finds a shared domain: %s', (host) => {
    expect(publicSuffixList.isShared(host)).toBe(true);
  });

  it.each([
    'example.com',
    'shop.example',
    'example.co.uk',
    'my-project.vercel.app',
    'user.github.io',
    'my-shop.myshopify.com',
    'apps.example.com',
    'city.kawasaki.jp',
    'www.ck',
    'xn--bcher-kva.example',
    'my_apps.example',
    'my-shop.squarespace.com',
    'contoso.sharepoint.com',
    'githubb.io',
    'notvercel.app',
  ])('accepts a domain of one owner: %s', (host) => {
    expect(publicSuffixList.isShared(host)).toBe(false);
  });
});
