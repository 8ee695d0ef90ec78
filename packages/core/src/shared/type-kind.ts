/** What sort of type a column has, domains resolved. */
export type TypeKind = 'base' | 'array' | 'composite' | 'enum' | 'range' | 'multirange'
