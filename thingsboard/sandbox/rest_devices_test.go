package sandbox_test

import (
	"strings"
	"testing"

	"boardlink/thingsboard/sandbox"
)

type object = map[string]any

func TestDevice_is_found_created_and_refused_a_second_time(t *testing.T) {
	sb := start(t)
	who := token(t, sb)
	refused(t, rest(t, sb, who, "GET", "/api/tenant/devices?deviceName=a", nil), 404, 32, "Requested item wasn't found!")
	made := rest(t, sb, who, "POST", "/api/device", object{"name": "a", "label": "L", "additionalInfo": object{"gateway": true, "note": "kept"}})
	if made.Status != 200 || made.JSON["type"] != "default" || made.JSON["customerId"].(object)["id"] != "13814000-1dd2-11b2-8080-808080808080" {
		t.Fatalf("created %d %s", made.Status, made.Text)
	}
	refused(t, rest(t, sb, who, "POST", "/api/device", object{"name": "a"}), 400, 31, "Device with such name already exists!")
	for _, path := range []string{"/api/tenant/devices?deviceName=a", "/api/tenant/device?deviceName=a", "/api/device/" + made.id()} {
		if r := rest(t, sb, who, "GET", path, nil); r.id() != made.id() || r.JSON["additionalInfo"].(object)["note"] != "kept" {
			t.Errorf("%s: %d %s", path, r.Status, r.Text)
		}
	}
	refused(t, rest(t, sb, who, "GET", "/api/device/xyz", nil), 400, 31, "Incorrect UUID: xyz")
	gone := "00000000-0000-4000-8000-000000000000"
	refused(t, rest(t, sb, who, "GET", "/api/device/"+gone, nil), 404, 32, "Device with id ["+gone+"] is not found")
	for _, name := range []string{"", "<b>", "{{x}}", strings.Repeat("x", 256)} {
		if r := rest(t, sb, who, "POST", "/api/device", object{"name": name}); r.Status != 400 {
			t.Errorf("name %q: %d", name, r.Status)
		}
	}
	if r := rest(t, sb, who, "DELETE", "/api/device/"+made.id(), nil); r.Status != 200 {
		t.Errorf("delete: %d %s", r.Status, r.Text)
	}
}

func TestDevice_is_replaced_only_from_its_current_version(t *testing.T) {
	sb := start(t)
	who := token(t, sb)
	d := rest(t, sb, who, "POST", "/api/device", object{"name": "a", "additionalInfo": object{"x": 1}}).JSON
	d["label"] = "first"
	if r := rest(t, sb, who, "POST", "/api/device", d); r.Status != 200 || r.JSON["version"] != 2.0 || r.JSON["label"] != "first" {
		t.Fatalf("update: %d %s", r.Status, r.Text)
	}
	refused(t, rest(t, sb, who, "POST", "/api/device", d), 409, 35, "Device is already changed by someone else")
	d["version"] = nil
	if r := rest(t, sb, who, "POST", "/api/device", d); r.Status != 200 {
		t.Errorf("forced update: %d %s", r.Status, r.Text)
	}
}

func TestDevice_limit_answers_403_with_the_limit(t *testing.T) {
	sb := start(t)
	sb.Set(func(b *sandbox.Behaviour) { b.DeviceLimit = 1 })
	who := token(t, sb)
	rest(t, sb, who, "POST", "/api/device", object{"name": "a"})
	r := rest(t, sb, who, "POST", "/api/device", object{"name": "b"})
	refused(t, r, 403, 41, "Devices limit reached")
	if r.JSON["entityType"] != "DEVICE" || r.JSON["limit"] != 1.0 {
		t.Errorf("body %s", r.Text)
	}
}

func TestDevices_come_in_pages(t *testing.T) {
	sb := start(t)
	who := token(t, sb)
	for _, name := range []string{"c", "a", "b"} {
		if _, err := sb.AddDevice(name, "p", name == "a"); err != nil {
			t.Fatal(err)
		}
	}
	r := rest(t, sb, who, "GET", "/api/tenant/deviceInfos?pageSize=2&page=0&sortProperty=name&sortOrder=ASC", nil)
	list := r.JSON["data"].([]any)
	first := list[0].(object)
	if len(list) != 2 || first["name"] != "a" || first["deviceProfileName"] != "p" || r.JSON["hasNext"] != true || r.JSON["totalPages"] != 2.0 {
		t.Errorf("page %s", r.Text)
	}
	if r := rest(t, sb, who, "GET", "/api/tenant/devices?pageSize=10&page=0&textSearch=B", nil); len(r.JSON["data"].([]any)) != 1 {
		t.Errorf("search %s", r.Text)
	}
	if r := rest(t, sb, who, "GET", "/api/tenant/devices?page=0", nil); r.Status != 400 {
		t.Errorf("without pageSize: %d", r.Status)
	}
	if r := rest(t, sb, who, "GET", "/api/deviceProfileInfos?pageSize=10&page=0", nil); r.JSON["totalElements"] != 2.0 {
		t.Errorf("profiles %s", r.Text)
	}
}

func TestCustomer_user_sees_its_own_devices_and_no_tenant_endpoint(t *testing.T) {
	sb := start(t)
	sb.AddAccount(sandbox.Account{Email: "c", Password: "p", Authority: sandbox.CustomerUser})
	for _, name := range []string{"mine", "theirs"} {
		if _, err := sb.AddDevice(name, "default", true); err != nil {
			t.Fatal(err)
		}
	}
	if err := sb.Assign("mine"); err != nil {
		t.Fatal(err)
	}
	who := signIn(t, sb, "c", "p").JSON["token"].(string)
	denied := "You don't have permission to perform this operation!"
	for _, path := range []string{"/api/tenant/devices?deviceName=mine", "/api/tenant/deviceInfos?pageSize=1&page=0", "/api/iot-hub/connectivity"} {
		refused(t, rest(t, sb, who, "GET", path, nil), 403, 20, denied)
	}
	refused(t, rest(t, sb, who, "POST", "/api/device", object{"name": "new"}), 403, 20, denied)
	customer := rest(t, sb, who, "GET", "/api/auth/user", nil).JSON["customerId"].(object)["id"].(string)
	page := rest(t, sb, who, "GET", "/api/customer/"+customer+"/deviceInfos?pageSize=10&page=0", nil)
	list := page.JSON["data"].([]any)
	if len(list) != 1 || list[0].(object)["name"] != "mine" {
		t.Fatalf("page %s", page.Text)
	}
	id := list[0].(object)["id"].(object)["id"].(string)
	if r := rest(t, sb, who, "GET", "/api/device/"+id+"/credentials", nil); r.Status != 200 {
		t.Errorf("credentials of its own: %d %s", r.Status, r.Text)
	}
	theirs, _ := sb.Device("theirs")
	refused(t, rest(t, sb, who, "GET", "/api/device/"+theirs.ID, nil), 403, 20, denied)
}

func TestCredentials_come_in_three_types_and_their_change_ends_the_session(t *testing.T) {
	sb := start(t)
	access := gateway(t, sb)
	who := token(t, sb)
	d, _ := sb.Device("gateway")
	path := "/api/device/" + d.ID + "/credentials"
	creds := rest(t, sb, who, "GET", path, nil).JSON
	if creds["credentialsType"] != "ACCESS_TOKEN" || creds["credentialsId"] != access || creds["credentialsValue"] != nil {
		t.Fatalf("credentials %v", creds)
	}
	c := connect(t, sb, access)
	creds["credentialsType"], creds["credentialsValue"] = "MQTT_BASIC", `{"clientId":null,"userName":"u","password":"p"}`
	if r := rest(t, sb, who, "POST", "/api/device/credentials", creds); r.Status != 200 {
		t.Fatalf("change: %d %s", r.Status, r.Text)
	}
	if code := c.bye(); code != 0x98 {
		t.Errorf("session ended with %#x, want 0x98", code)
	}
	creds["credentialsType"], creds["credentialsValue"] = "X509_CERTIFICATE", "-----BEGIN CERTIFICATE-----"
	rest(t, sb, who, "POST", "/api/device/credentials", creds)
	if r := rest(t, sb, who, "GET", path, nil); r.JSON["credentialsType"] != "X509_CERTIFICATE" || r.JSON["credentialsValue"] == nil {
		t.Errorf("credentials %s", r.Text)
	}
	if r := rest(t, sb, who, "GET", "/api/device-connectivity/"+d.ID, nil); !strings.Contains(r.Text, "Check documentation") {
		t.Errorf("connectivity %s", r.Text)
	}
	both := rest(t, sb, who, "POST", "/api/device-with-credentials", object{
		"device": object{"name": "b"}, "credentials": object{"credentialsType": "ACCESS_TOKEN", "credentialsId": "mine"},
	})
	if r := rest(t, sb, who, "GET", "/api/device/"+both.id()+"/credentials", nil); r.JSON["credentialsId"] != "mine" {
		t.Errorf("given token: %s", r.Text)
	}
	refused(t, rest(t, sb, who, "POST", "/api/device?accessToken=mine", object{"name": "c"}), 400, 31, "Specified credentials are already registered!")
}
