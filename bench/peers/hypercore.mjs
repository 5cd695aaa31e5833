// A first pull by hypercore: one append-only log, a document a block, over TCP on the loopback.
//
//   node hypercore.mjs serve FOLDER DOCUMENTS
//   node hypercore.mjs pull FOLDER PORT KEY COUNT
//
// The receiving side checks every block against the signed Merkle tree. Its stream is always encrypted.

import { connect, createServer } from 'node:net'
import { performance } from 'node:perf_hooks'
import Hypercore from 'hypercore'
import { batches, endWithDriver, say } from './speak.mjs'

async function serve (folder, documents) {
  const core = new Hypercore(folder)
  await core.ready()
  for await (const batch of batches(documents, 1000)) await core.append(batch.map((text) => Buffer.from(text)))
  const server = createServer((socket) => {
    const stream = core.replicate(false)
    stream.on('error', () => socket.destroy())
    socket.on('error', () => stream.destroy())
    stream.pipe(socket).pipe(stream)
  })
  server.listen(0, '127.0.0.1', () => {
    say({ port: server.address().port, key: core.key.toString('hex') })
  })
}

async function pull (folder, port, key, count) {
  const core = new Hypercore(folder, Buffer.from(key, 'hex'))
  await core.ready()
  const begun = performance.now()
  const socket = connect(port, '127.0.0.1')
  const stream = core.replicate(true)
  stream.pipe(socket).pipe(stream)
  await core.download({ start: 0, end: count, linear: true }).done() // faster than its random order
  const seconds = (performance.now() - begun) / 1000
  if (core.contiguousLength !== count) throw new Error(`holds ${core.contiguousLength} of ${count} documents`)
  say({ seconds })
  process.exit(0)
}

endWithDriver()
const [verb, ...rest] = process.argv.slice(2)
if (verb === 'serve') await serve(...rest)
else await pull(rest[0], Number(rest[1]), rest[2], Number(rest[3]))
