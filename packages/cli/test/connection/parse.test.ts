import { describe, expect, test } from 'vitest'
import { parseDatabase } from '../../src/connection/parse.ts'
import { UsageError } from '../../src/errors.ts'

describe('names', () => {
  test('a name is a name, whatever is in it', () => {
    expect(parseDatabase('shop')).toEqual({ dbname: 'shop' })
    expect(parseDatabase('My shop; "1"')).toEqual({ dbname: 'My shop; "1"' })
  })

  test('no name is refused', () => {
    expect(() => parseDatabase('')).toThrow(UsageError)
  })
})

describe('URIs', () => {
  const cases: [string, Record<string, string>][] = [
    ['postgres://db1/shop', { host: 'db1', dbname: 'shop' }],
    [
      'postgresql://repl:s3cret@db1:5433/shop',
      { host: 'db1', port: '5433', user: 'repl', password: 's3cret', dbname: 'shop' },
    ],
    ['postgres://a%40b:p%3A%2F%25@h/d%20b', { host: 'h', user: 'a@b', password: 'p:/%', dbname: 'd b' }],
    ['postgres://[::1]:5433/shop', { host: '::1', port: '5433', dbname: 'shop' }],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/shop', { host: '/var/run/postgresql', dbname: 'shop' }],
    ['postgres:///shop?host=/tmp&port=5433', { host: '/tmp', port: '5433', dbname: 'shop' }],
    ['postgres://repl@/shop', { user: 'repl', dbname: 'shop' }],
    ['postgres://repl:pw@:5433/shop', { user: 'repl', password: 'pw', port: '5433', dbname: 'shop' }],
    ['postgres://', {}],
    [
      'postgres://h/shop?sslmode=verify-full&application_name=a+b%20c',
      {
        host: 'h',
        dbname: 'shop',
        sslmode: 'verify-full',
        application_name: 'a+b c',
      },
    ],
    ['postgres://h/shop?ssl=true', { host: 'h', dbname: 'shop', sslmode: 'require' }],
    ['postgres://h/shop?target_session_attrs=read-write', { host: 'h', dbname: 'shop' }],
  ]
  test.each(cases)('%s', (uri, expected) => {
    expect(parseDatabase(uri)).toEqual(expected)
  })

  test.each([
    'postgres://h:port/db',
    'postgres://h1:1,h2:2/db',
    'postgres://h/100%',
    'postgres://h/db?sslmode',
    'postgres://h/db?no_such=1',
    'postgres://h/db?sslcrl=/x',
  ])('refused without showing it: %s', (uri) => {
    expect(() => parseDatabase(uri)).toThrow(UsageError)
    expect(() => parseDatabase(uri)).not.toThrow(uri)
  })
})

describe('libpq strings', () => {
  const cases: [string, Record<string, string>][] = [
    ['dbname=shop', { dbname: 'shop' }],
    ['host=db1 port = 5433 dbname=shop', { host: 'db1', port: '5433', dbname: 'shop' }],
    [`dbname='a b' user='it\\'s' password='back\\\\slash'`, { dbname: 'a b', user: "it's", password: 'back\\slash' }],
    [`dbname=a\\ b`, { dbname: 'a b' }],
    [`  host=''  dbname=x  `, { dbname: 'x' }],
    [`dbname=it's`, { dbname: "it's" }],
    ['service=berlin', { service: 'berlin' }],
    [`options='-c search_path=a,b'`, { options: '-c search_path=a,b' }],
    [`dbname=a\n host=b`, { dbname: 'a', host: 'b' }],
  ]
  test.each(cases)('%s', (text, expected) => {
    expect(parseDatabase(text)).toEqual(expected)
  })

  test.each([`dbname='open`, 'dbname=a b', '=x', `dbname='a'b`, 'nonsense=1', 'constructor=1'])(
    'refused: %s',
    (text) => {
      expect(() => parseDatabase(text)).toThrow(UsageError)
    },
  )
})
