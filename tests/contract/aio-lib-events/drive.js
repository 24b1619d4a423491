// What does Adobe's own events library read and believe? One verb per run, the answer as JSON in stdout's last line.
// Before it are the library's own log lines.
const http = require('http')
const { readFileSync } = require('fs')

// The library keeps public keys in Adobe's state service; its own option AIO_STATE_ENDPOINT names another one.
function stateService () {
  const kept = new Map()
  const server = http.createServer(async (request, response) => {
    const parts = []
    for await (const part of request) parts.push(part)
    if (request.method === 'PUT') {
      kept.set(request.url, Buffer.concat(parts))
      response.writeHead(200).end()
    } else if (kept.has(request.url)) {
      response.writeHead(200, { 'x-key-expires-ms': String(Date.now() + 86400000) }).end(kept.get(request.url))
    } else {
      response.writeHead(404).end()
    }
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const verbs = {
  read: (sdk, url, options) => sdk.getEventsFromJournal(url, JSON.parse(options)),
  observe: (sdk, url, count) => new Promise((resolve, reject) => {
    const seen = []
    sdk.getEventsObservableFromJournal(url, {}, { interval: 50 }).subscribe({
      next: (event) => seen.push(event) === Number(count) && resolve(seen),
      error: reject
    })
  }),
  verify: async (sdk, client, file) => {
    const results = []
    for (const { body, headers } of JSON.parse(readFileSync(file))) {
      results.push(await sdk.verifyDigitalSignatureForEvent(body, client, {
        digiSignature1: headers['x-adobe-digital-signature-1'],
        digiSignature2: headers['x-adobe-digital-signature-2'],
        publicKeyPath1: headers['x-adobe-public-key1-path'],
        publicKeyPath2: headers['x-adobe-public-key2-path']
      }).catch((error) => ({ thrown: error.message })))
    }
    return results
  }
}

async function main ([verb, ...given]) {
  const state = await stateService()
  process.env.AIO_STATE_ENDPOINT = `http://127.0.0.1:${state.address().port}`
  const { init } = require('@adobe/aio-lib-events')
  const { SIMULATOR_ORG, SIMULATOR_KEY, SIMULATOR_TOKEN } = process.env
  const sdk = await init(SIMULATOR_ORG, SIMULATOR_KEY, SIMULATOR_TOKEN)
  const answer = await verbs[verb](sdk, ...given)
  process.stdout.write(`\n${JSON.stringify(answer === undefined ? null : answer)}\n`, () => process.exit(0))
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.name} ${error.code || ''} ${error.message}\n`)
  process.exit(1)
})
