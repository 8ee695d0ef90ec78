/** The colours that the reader chose, before anything is drawn: `auto` follows the system. */
const KEY = 'rserv-theme'
const THEMES = ['auto', 'light', 'dark']

apply(stored())
document.addEventListener('DOMContentLoaded', () => {
  const buttons = [...document.querySelectorAll<HTMLInputElement>('#theme input')]
  for (const button of buttons) {
    button.checked = button.value === stored()
    button.addEventListener('change', () => {
      store(button.value)
      apply(button.value)
    })
  }
})

function apply(theme: string): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  document.dispatchEvent(new Event('rserv-theme'))
}

function stored(): string {
  try {
    const theme = localStorage.getItem(KEY) ?? 'auto'
    return THEMES.includes(theme) ? theme : 'auto'
  } catch {
    // Storage is refused; the choice holds for this page.
    return 'auto'
  }
}

function store(theme: string): void {
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // As above.
  }
}
