// The console's colours and shapes. web/app.css names this file with @config; Tailwind 4 reads it only for that reason.
//
// Every colour has a light and a dark value and reaches the page as a custom property, so that no class has to say which
// theme it is for. All pairs of text and ground that the pages use have a contrast of 4.5 or more, borders of controls
// one of 3 or more.
const colours = {
  //             light      dark
  page:         ['#f6f7f8', '#0e1315'],
  surface:      ['#ffffff', '#171d20'],
  raised:       ['#f3f5f6', '#20282c'],
  line:         ['#dde2e6', '#2f3a40'],
  control:      ['#78838d', '#7f8d95'], // borders of inputs and buttons
  ink:          ['#1c2529', '#e7ecee'],
  muted:        ['#4b5563', '#a9b6bc'],
  faint:        ['#69737f', '#8d9aa2'], // placeholders
  brand:        ['#007f7f', '#4fd1c7'],
  'brand-deep': ['#006363', '#7ce3db'],
  'brand-ink':  ['#ffffff', '#04302e'], // on brand
  tint:         ['#d4e9e9', '#12393a'],
  'tint-ink':   ['#004f4f', '#a8ece6'],
  heading:      ['#b45309', '#fbbf6b'], // headings of the create page
  head:         ['#414141', '#2a3439'], // header row of tables
  'head-ink':   ['#ffffff', '#e7ecee'],
  valid:        ['#16a34a', '#4ade80'],
  danger:       ['#b91c1c', '#f87171'],
  'danger-ink': ['#ffffff', '#2a0707'], // on danger
  'ok-bg':      ['#dcfce7', '#052e16'],
  'ok-ink':     ['#14532d', '#bbf7d0'],
  'wait-bg':    ['#fef3c7', '#451a03'],
  'wait-ink':   ['#78350f', '#fde68a'],
  'bad-bg':     ['#fee2e2', '#450a0a'],
  'bad-ink':    ['#7f1d1d', '#fecaca'],
  'off-bg':     ['#e5e7eb', '#2b343a'],
  'off-ink':    ['#1f2937', '#e5e7eb'],
  toast:        ['#166534', '#166534'], // white on it, in both themes
  alarm:        ['#991b1b', '#991b1b'],
  downlink:     ['#b45309', '#fbbf6b'], // beside brand in charts
}

const properties = (theme) =>
  Object.fromEntries(Object.entries(colours).map(([name, pair]) => ['--' + name, pair[theme]]))

const light = { 'color-scheme': 'light', ...properties(0) }
const dark = { 'color-scheme': 'dark', ...properties(1) }

module.exports = {
  theme: {
    colors: Object.fromEntries(Object.keys(colours).map((name) => [name, `var(--${name})`])),
    fontFamily: {
      sans: ['system-ui', '-apple-system', '"Segoe UI"', 'Roboto', '"Helvetica Neue"', '"Noto Sans"', 'sans-serif'],
      mono: ['ui-monospace', 'SFMono-Regular', 'Menlo', 'Consolas', '"Liberation Mono"', 'monospace'],
    },
  },
  plugins: [
    ({ addBase }) =>
      addBase({
        ':root': light,
        '@media (prefers-color-scheme: dark)': { ':root:not([data-theme="light"])': dark },
        ':root[data-theme="dark"]': dark,
      }),
  ],
}
