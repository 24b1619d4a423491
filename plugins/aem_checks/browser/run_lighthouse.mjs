// How does Lighthouse measure one page in a Chromium that talks to the guard alone? Started by auditing.py.
//
// File descriptor 3 is a socket to it. The first line is what is to be done. Each request of the page is held until a line
// says with which headers it goes on; the last line is the report, or why there is none. Chromium is steered over a pipe:
// a port could be found by others on this machine, who could then have it read files.
import {createRequire} from 'node:module';
import net from 'node:net';
import {join} from 'node:path';
import readline from 'node:readline';
import {pathToFileURL} from 'node:url';

const line = new net.Socket({fd: 3, readable: true, writable: true});
const lines = readline.createInterface({input: line, crlfDelay: Infinity});
const say = message => new Promise(done => line.write(JSON.stringify(message) + '\n', done));
const held = new Map();

async function load(order) {
  const need = createRequire(join(order.lighthouse, 'package.json'));
  const lighthouse = await import(pathToFileURL(join(order.lighthouse, 'core', 'index.js')).href);
  const puppeteer = await import(pathToFileURL(need.resolve('puppeteer-core')).href);
  return {lighthouse: lighthouse.default, puppeteer: puppeteer.default};
}

async function hold(session) {
  session.on('Fetch.requestPaused', event => {
    const {requestId, request} = event;
    held.set(requestId, headers => session.send('Fetch.continueRequest', {requestId, ...headers}).catch(() => {}));
    say({request: requestId, url: request.url, headers: request.headers});
  });
  await session.send('Browser.setDownloadBehavior', {behavior: 'deny'});
  await session.send('Network.setBypassServiceWorker', {bypass: true});
  await session.send('Fetch.enable', {patterns: [{urlPattern: '*', requestStage: 'Request'}]});
}

function letGo({request, headers}) {
  held.get(request)?.(headers ? {headers} : {});
  held.delete(request);
}

async function measure(order) {
  const {lighthouse, puppeteer} = await load(order);
  const browser = await puppeteer.launch({...order.chromium, headless: true, pipe: true});
  try {
    const page = await browser.newPage();
    browser.on('targetcreated', target => {
      if (target.type() === 'page') target.page().then(other => other.close()).catch(() => {});
    });
    await hold(await page.createCDPSession());
    const found = await lighthouse(order.url, {...order.flags, output: 'json'}, undefined, page);
    await say({report: found.lhr});
  } finally {
    await browser.close().catch(() => {});
  }
}

lines.once('line', first => {
  lines.on('line', next => letGo(JSON.parse(next)));
  measure(JSON.parse(first))
    .catch(error => say({problem: String(error?.message ?? error).slice(0, 300)}))
    .finally(() => process.exit(0));
});
lines.on('close', () => process.exit(1));
