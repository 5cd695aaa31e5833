// How the benchmark's driver and these programs talk: one line of JSON out, and the end of standard input means stop.

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** Tell the driver one thing. */
export function say (value) {
  process.stdout.write(JSON.stringify(value) + '\n')
}

/** End together with the driver, however it ended: its side of the pipe closes even when it is killed. */
export function endWithDriver () {
  process.stdin.on('end', () => process.exit(1)).resume()
}

/** Read the documents, one JSON string a line, in batches. */
export async function * batches (path, size) {
  let batch = []
  for await (const line of createInterface({ input: createReadStream(path) })) {
    batch.push(JSON.parse(line))
    if (batch.length === size) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}
