// The words that scripts say come with the page, from its catalogue: no language stands in a script.
export const words = JSON.parse(document.getElementById('words').dataset.words)
const rules = new Intl.PluralRules(document.documentElement.lang)

// filled puts a value in the place of {its name}.
export const filled = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name])
// counted gives the form of a message that goes with a number.
export const counted = (forms, n) => filled(forms[rules.select(n)] || forms.other, { n: n.toLocaleString('en') })
