// A first pull by PouchDB: CouchDB's replication over HTTP on the loopback, LevelDB on both sides.
//
//   node pouchdb.mjs serve FOLDER DOCUMENTS
//   node pouchdb.mjs pull FOLDER PORT COUNT
//
// Nothing is signed or checked: the receiving side believes what it is sent.

import { performance } from 'node:perf_hooks'
import express from 'express'
import expressPouchDB from 'express-pouchdb'
import PouchDB from 'pouchdb'
import { batches, endWithDriver, say } from './speak.mjs'

const NAME = 'documents'
const BATCH = 1000 // documents a request; its default of 100 is slower

async function serve (folder, documents) {
  const Local = PouchDB.defaults({ prefix: folder + '/' })
  const database = new Local(NAME)
  let number = 0
  for await (const batch of batches(documents, 1000)) {
    await database.bulkDocs(batch.map((text) => ({ _id: String(number++).padStart(9, '0'), text })))
  }
  const app = express()
  app.use(expressPouchDB(Local, {
    mode: 'minimumForPouchDB',
    inMemoryConfig: true,
    overrideMode: { exclude: ['compression'] } // on a loopback it only costs time
  }))
  const server = app.listen(0, '127.0.0.1', () => say({ port: server.address().port }))
}

async function pull (folder, port, count) {
  const database = new PouchDB(folder + '/' + NAME)
  await database.info()
  const begun = performance.now()
  await PouchDB.replicate(`http://127.0.0.1:${port}/${NAME}`, database, { batch_size: BATCH })
  const seconds = (performance.now() - begun) / 1000
  const { doc_count: held } = await database.info()
  if (held !== count) throw new Error(`holds ${held} of ${count} documents`)
  say({ seconds })
  process.exit(0)
}

endWithDriver()
const [verb, ...rest] = process.argv.slice(2)
if (verb === 'serve') await serve(...rest)
else await pull(rest[0], ...rest.slice(1).map(Number))
