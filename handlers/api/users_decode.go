package api

import (
	"net/http"
	"slices"

	"boardlink/access"
	"boardlink/web"
)

// userReadOnly are the members of a person that a program may send back as it has read them; they are ignored.
var userReadOnly = []string{"id", "state", "createdAt", "lastSignInAt", "linkExpiresAt", "version"}

const chooseRole = "Choose among viewer, operator and admin."

// decodeInvitation reads {"email": ..., "role": ...} and refuses all else: whoever sends more means something that does not
// happen. Whether the values will do is decided by [access.People].
func decodeInvitation(body []byte) (email string, role access.Role, err error) {
	raw, err := parse(body)
	if err != nil {
		return "", "", err
	}
	list, err := members(raw)
	if err != nil {
		return "", "", err
	}
	var errs []web.FieldProblem
	for _, m := range list {
		text, ok := asText(m.raw)
		switch {
		case m.name == "email":
			email = text
		case m.name == "role":
			role = access.Role(text)
		default:
			errs = append(errs, web.FieldProblem(unknown("", m.name, []string{"email", "role"})))
			continue
		}
		if !ok {
			errs = append(errs, web.FieldProblem{Path: m.name, Message: giveText, Example: map[string]string{"email": "bob@example.com", "role": "viewer"}[m.name]})
		}
	}
	if len(errs) > 0 {
		return "", "", severalWrong(errs)
	}
	return email, role, nil
}

// decodeUserPatch reads what is to change about a person. The e-mail may be sent as it is stored, and only so: who signs in
// with another one is somebody else.
func decodeUserPatch(body []byte, stored access.Operator) (access.Change, error) {
	raw, err := parse(body)
	if err != nil {
		return access.Change{}, err
	}
	list, err := members(raw)
	if err != nil {
		return access.Change{}, err
	}
	var change access.Change
	var errs []web.FieldProblem
	wrong := func(path, message, example string) {
		errs = append(errs, web.FieldProblem{Path: path, Message: message, Example: example})
	}
	for _, m := range list {
		switch {
		case m.name == "role":
			text, _ := asText(m.raw)
			role := access.Role(text)
			if change.Role = &role; !role.Valid() {
				wrong("role", chooseRole, string(access.RoleViewer))
			}
		case m.name == "disabled":
			disabled, ok := asBool(m.raw)
			if change.Disabled = &disabled; !ok {
				wrong("disabled", giveBool, "true")
			}
		case m.name == "email":
			if text, _ := asText(m.raw); text != stored.Email {
				wrong("email", "An e-mail address cannot be changed. Invite the person anew, and remove this one.", "")
			}
		case slices.Contains(userReadOnly, m.name):
		default:
			errs = append(errs, web.FieldProblem(unknown("", m.name, append([]string{"role", "disabled", "email"}, userReadOnly...))))
		}
	}
	if len(errs) > 0 {
		return access.Change{}, severalWrong(errs)
	}
	return change, nil
}

// severalWrong tells what is wrong with a body, as far as an answer can bear it.
func severalWrong(errs []web.FieldProblem) error {
	return web.NewProblem(http.StatusUnprocessableEntity, someWrong, errs[:min(len(errs), maxUnknown)]...)
}
