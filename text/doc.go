// Package text holds the words of the console and gives them in the reader's language, by go-i18n.
//
// Each language has a folder, each part of the console a TOML file in it: the message `title` of the table `[invite]` in
// en/people.toml is "people.invite.title". A message may hold:
//
//	{{.name}}            a value, given as an argument pair: T(ctx, "people.of", "name", p.Name)
//	one = … other = …    the plural forms; {{.n}} is the number, grouped: N(ctx, "events.count", n); scripts get all by Forms
//	<key>…</key>         words that a component surrounds, a link for example; only by Rich
//	<ago/>               a place for a component, a time for example; only by Rich
//
// A sentence is one message, never glued from pieces: other languages order them differently. Names of tables and messages
// are words in snake_case; id, hash, description, zero, one, two, few, many and other are go-i18n's own and name no message.
//
// What the core says (a rule that was broken, why a link is down, an event) is data and stays in the language of the API
// and the log, which is English; [Or] lets a translation take its place where the console knows what is meant.
//
// The language en-XA is no language: it is English with accents, 40 % longer and between ⟦ and ⟧, so that a look at a
// page tells which words did not come from here and what a longer language would clip. It is offered in development only.
package text
