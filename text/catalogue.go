package text

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
)

//go:embed en/*.toml
var files embed.FS

// speaker gives the messages of one language.
type speaker struct {
	localizer *i18n.Localizer
	plain     sync.Map // id -> message that takes no argument: looked up by the hundred on a long page
	forms     sync.Map // id -> its plural forms for scripts, the same on each page; never changed
}

// catalogue is read once and never changes.
var catalogue = sync.OnceValue(func() map[Language]*speaker {
	all, err := read(files)
	if err != nil {
		panic(fmt.Sprintf("text: %v", err)) // embedded when this program was built, and read by its tests
	}
	return all
})

// parser refuses a message that names a value which was not given.
var parser = &template.TextParser{Option: "missingkey=error"}

func read(from fs.FS) (map[Language]*speaker, error) {
	bundle := i18n.NewBundle(language.Make(string(English)))
	for _, l := range spoken {
		names, err := fs.Glob(from, string(l)+"/*.toml")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			messages, err := readPart(from, name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if err := bundle.AddMessages(language.Make(string(l)), messages...); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if l != English {
				continue
			}
			if err := bundle.AddMessages(language.Make(string(Accented)), accentAll(messages)...); err != nil {
				return nil, fmt.Errorf("%s, accented: %w", name, err)
			}
		}
	}
	all := map[Language]*speaker{}
	for _, l := range append([]Language{Accented}, spoken...) {
		all[l] = &speaker{localizer: i18n.NewLocalizer(bundle, string(l))}
	}
	return all, nil
}

// readPart reads one file; the ids of its messages begin with its name.
func readPart(from fs.FS, name string) ([]*i18n.Message, error) {
	b, err := fs.ReadFile(from, name)
	if err != nil {
		return nil, err
	}
	messages, err := i18n.ParseMessageBytes(b, toml.Unmarshal)
	if err != nil {
		return nil, err
	}
	part := strings.TrimSuffix(path.Base(name), ".toml")
	for _, m := range messages {
		m.ID = part + "." + m.ID
	}
	return messages, nil
}
