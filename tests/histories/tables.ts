import type { Change, History, RowShape, TableShape } from './model.ts'
import type { KeyType } from './types.ts'
import { KEY_TYPES, value } from './types.ts'

/** A table of a history: its shape made consistent, and its SQL. */
export class Table {
  readonly name: string
  readonly shape: TableShape
  readonly keyTypes: readonly KeyType[]
  readonly parent: Table | undefined
  #partitions = 0
  #extra = 0

  constructor(schema: string, index: number, shape: TableShape, parent: Table | undefined) {
    this.name = `${schema}.t${index}`
    this.shape = shape
    this.keyTypes = shape.partitioned ? ['int', ...shape.key.slice(1)] : shape.key
    this.parent = shape.parent === 'none' ? undefined : parent
  }

  get #keys(): string[] {
    return this.keyTypes.map((_, i) => `k${i}`)
  }

  get #references(): string[] {
    return this.parent?.keyTypes.map((_, i) => `p${i}`) ?? []
  }

  get #typed(): { name: string; type: string }[] {
    return [
      ...this.keyTypes.map((type, i) => ({ name: `k${i}`, type })),
      ...(this.parent?.keyTypes.map((type, i) => ({ name: `p${i}`, type })) ?? []),
      ...(this.shape.unique === 'none' ? [] : [{ name: 'u', type: 'int' }]),
      ...this.shape.values.map((type, i) => ({ name: `v${i}`, type })),
    ]
  }

  get columns(): string[] {
    return this.#typed.map(({ name }) => name)
  }

  create(): string {
    const { shape, parent } = this
    const lines = [
      // Not in the order of the key, to keep the two apart.
      ...shape.values.map((type, i) => `v${i} ${type}`),
      ...this.keyTypes.map((type, i) => `k${i} ${type}`),
      ...(parent?.keyTypes.map((type, i) => `p${i} ${type}`) ?? []),
      ...(shape.unique === 'none' ? [] : ['u int']),
      ...(shape.generated ? ['g text generated always as ((v0 is null)::text) stored'] : []),
      `primary key (${this.#keys.join(', ')})`,
    ]
    if (shape.unique !== 'none') {
      const columns = shape.partitioned ? 'k0, u' : 'u'
      lines.push(`unique (${columns})${shape.unique === 'deferrable' ? ' deferrable initially deferred' : ''}`)
    }
    if (parent) lines.push(`foreign key (${this.#references.join(', ')}) references ${parent.name} ${this.#onDelete()}`)
    const table = `create table ${this.name} (${lines.join(', ')})`
    return shape.partitioned
      ? `${table} partition by range (k0); ${this.addPartition().sql}; ${this.addPartition().sql}`
      : table
  }

  #onDelete(): string {
    const { parent } = this.shape
    // The key of the parent changes too.
    return parent === 'restrict'
      ? 'on delete restrict'
      : `on delete ${parent} on update ${parent === 'set null' ? 'cascade' : parent}`
  }

  /** Creates the next range: 0 to 3, 4 to 7, … */
  addPartition(): { leaf: string; sql: string } {
    const number = this.#partitions++
    const leaf = `${this.name}_p${number}`
    return {
      leaf,
      sql: `create table ${leaf} partition of ${this.name} for values from (${number * 4}) to (${number * 4 + 4})`,
    }
  }

  addColumn(): string {
    return `alter table ${this.name} add column x${this.#extra++} int`
  }

  #key(row: Pick<RowShape, 'a' | 'b'>): string[] {
    return this.keyTypes.map((type, i) => KEY_TYPES[type](i === 0 ? row.a : row.b))
  }

  #row(row: RowShape): string[] {
    const reference =
      this.parent?.keyTypes.map((type, i) => (row.p > 6 ? 'null' : KEY_TYPES[type](i === 0 ? row.p : row.p % 2))) ?? []
    const unique = this.shape.unique === 'none' ? [] : [row.v % 4 === 0 ? 'null' : `${row.v}`]
    const values = this.shape.values.map((type, i) => value(type, row.v + i))
    return [...this.#key(row), ...reference, ...unique, ...values]
  }

  #set(v: number): string {
    const sets = this.shape.values.map((type, i) => `v${i} = ${value(type, v + i)}`)
    if (this.#extra > 0) sets.push(`x${this.#extra - 1} = ${v}`)
    return sets.join(', ')
  }

  #where(a: number): string {
    return `k0 = ${KEY_TYPES[this.keyTypes[0] ?? 'int'](a)}`
  }

  #insert(rows: readonly RowShape[]): string {
    return `insert into ${this.name} (${this.columns.join(', ')}) values ${rows.map((row) => `(${this.#row(row).join(', ')})`).join(', ')}`
  }

  /** SELECT of the rows, for COPY and MERGE. */
  select(rows: readonly RowShape[]): string {
    const typed = (row: RowShape): string =>
      this.#row(row)
        .map((expression, i) => `(${expression})::${this.#typed[i]?.type} as ${this.columns[i]}`)
        .join(', ')
    return rows.map((row) => `select ${typed(row)}`).join(' union all ')
  }

  /** The statement of a change; COPY is sent in another way. */
  sql(change: Exclude<Change, { op: 'copy' }>): string {
    return 'rows' in change ? this.#sqlOfRows(change) : this.#sqlOfKeys(change)
  }

  #sqlOfRows(change: Extract<Exclude<Change, { op: 'copy' }>, { rows: unknown }>): string {
    if (change.op === 'merge') return this.#merge(change.rows)
    if (change.op === 'exceptions') return this.#exceptions(change.rows)
    if (change.op !== 'upsert') return this.#insert(change.rows)
    const target = change.nothing
      ? 'do nothing'
      : `(${this.#keys.join(', ')}) do update set ${this.#set(change.rows.length)}`
    return `${this.#insert(change.rows)} on conflict ${target}`
  }

  #sqlOfKeys(change: Exclude<Change, { rows: unknown }>): string {
    switch (change.op) {
      case 'update':
        return `update ${this.name} set ${this.#set(change.v)} where ${this.#where(change.a)}`
      case 'rekey':
        return `update ${this.name} set k0 = ${KEY_TYPES[this.keyTypes[0] ?? 'int'](change.v % 10)} where ${this.#where(change.a)}`
      case 'swap':
        return this.#swap(change.a, change.v)
      case 'delete':
        return `delete from ${this.name} where ${this.#where(change.a)}`
      case 'truncate':
        return `truncate ${this.name}${change.cascade ? ' cascade' : ''}`
    }
  }

  /** Inserts, updates and deletes in one statement. */
  #merge(rows: readonly RowShape[]): string {
    const on = this.#keys.map((key) => `t.${key} = s.${key}`).join(' and ')
    return `merge into ${this.name} t using (${this.select(rows)}) s on ${on}
      when matched and t.v0 is null then delete when matched then update set v0 = s.v0
      when not matched then insert (${this.columns.join(', ')}) values (${this.columns.map((c) => `s.${c}`).join(', ')})`
  }

  /** A subtransaction for each row, of which some are undone. */
  #exceptions(rows: readonly RowShape[]): string {
    const blocks = rows.map(
      (row) => `begin ${this.#insert([row])}; if ${row.v} % 3 = 0 then raise exception 'undone'; end if;
        exception when raise_exception or unique_violation or foreign_key_violation or check_violation then null; end;`,
    )
    return `do $do$ begin ${blocks.join('\n')} end $do$`
  }

  /** Two rows exchange their keys, by way of a third one, and their unique values. */
  #swap(a: number, b: number): string {
    const type = this.keyTypes[0] ?? 'int'
    const [first, second, spare] = [KEY_TYPES[type](a), KEY_TYPES[type](b), KEY_TYPES[type](11)]
    const move = (from: string, to: string): string => `update ${this.name} set k0 = ${to} where k0 = ${from}`
    return `do $do$ begin ${move(first, spare)}; ${move(second, first)}; ${move(spare, second)}; end $do$`
  }
}

/** The tables of a history; in ordinary mode without what is documented to be refused there. */
export function tablesOf(schema: string, { tables, ordinary }: Pick<History, 'tables' | 'ordinary'>): Table[] {
  const made: Table[] = []
  for (const [index, shape] of tables.entries()) {
    const child = tables[index + 1]
    const acting = child !== undefined && !['none', 'no action'].includes(child.parent)
    const unique = ordinary && acting ? 'none' : shape.unique
    made.push(new Table(schema, index, { ...shape, unique }, made[index - 1]))
  }
  return made
}
