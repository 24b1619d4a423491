// Where does a request of Adobe's library go? Loaded with --require before the library, whose code stays as it is.
//
// Redirected: https://static.adobeioevents.com, which the library has as a constant, to the simulator's key server.
// Every other host but the loopback is refused, so that nothing leaves the machine; who was asked is on stderr.
const http = require('http')
const https = require('https')

const KEYS = new URL(process.env.SIMULATOR_KEYS)
const plain = http.request

https.request = function (options, callback) {
  const host = options.hostname || options.host
  process.stderr.write(`asked: https://${host}:${options.port || 443}${options.path}\n`)
  if (host !== 'static.adobeioevents.com') {
    throw new Error(`refused: ${host} is not Adobe's key server`)
  }
  const moved = { ...options, protocol: 'http:', hostname: KEYS.hostname, host: KEYS.hostname, port: KEYS.port }
  return plain.call(http, { ...moved, agent: undefined }, callback)
}

http.request = function (options, callback) {
  const host = options.hostname || options.host
  if (host !== '127.0.0.1') {
    throw new Error(`refused: ${host} is not this machine`)
  }
  return plain.call(http, options, callback)
}
