import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** SHA-256 of versions of the schema that databases may have: a change of one would never reach those. */
const LANDED: Readonly<Record<string, string>> = {
  '000001': '08f1344457d8c7edff846f1b62ebd764d75035af3d1193e49091dd0eb17153ec',
  '000002': '88213be82c45497f30cfe25634eef86c7065fb3f3b94d86143496eb4c6718a82',
  '000003': '224d22a2164141876d9900bd05596e5f32df400e36b82081610ae9d18c9ab5d9',
  '000004': '898dfb489d9f03e56ddcb59dca42d41dc8323bf7ec7f4e21489c14a7a6f3877a',
  '000005': '9730699c3afb210d12eb8422c7ef09070add4cd04895a462c02ceaae371f1fa5',
  '000006': '40565179423e4f370b6f861e0ee29334e2f16f0a5656b99b92ef060710c956cb',
  '000007': '1bba2343ff834ac4a538e8138d7e9c3ab84ea4ac7d4cfce48373d9315408153f',
  '000008': '8cc42beb4e68fb967a3acadf2da06ad79ce0c5dd3e5e143cef37d5348dc00795',
  '000009': 'bf9bc2e815d7a2acd4a76a1f0f923bf7e39fba45b1e50746fce5dd6d252b7092',
  '000010': 'a22c886e0025a55ac21e842b8c91cd84d53f016161761c08b2c63c5034cf2533',
  '000011': 'e9dbfb9b50a0aa88a71ec7b2040a9654d91e73be820ec73780a67d652e1dbc9b',
  '000012': 'df4401d131ae226a1b35ea955d4800dccf3222c06c1659c3a26a9f5015dff868',
  '000013': 'eddaa3c080000f57b1b997872854dc91af4a3e4971ecbcead47b0c37c1abefb6',
  '000014': '505bc63e1729a47656bada596740a2ec69a74860d7e09e1fd35b6c4d583ad2f0',
}

test.each(Object.entries(LANDED))('version %s of the schema is what it was', (version, digest) => {
  const sql = readFileSync(new URL(`../sql/${version}.sql`, import.meta.url))
  expect(createHash('sha256').update(sql).digest('hex')).toBe(digest)
})
