// Package gallery shows every control of the console in every state, for developers: one sheet of what can stand beside
// other things, and specimens that take a page of their own, a dialog or a test under way for one. All of it is drawn by
// the components that the console itself uses; nothing here is data of this installation, and nothing acts on it.
//
// Its words are for developers and stay in English; data-untranslated says so to whoever looks for words that do not come
// from the catalogues.
package gallery
