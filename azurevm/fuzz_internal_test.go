package azurevm

import (
	"strings"
	"testing"
)

// What is taken for an id addresses exactly the one resource that it names.
func FuzzARMID(f *testing.F) {
	const disk = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"
	for _, seed := range []string{disk, strings.ToUpper(disk), disk + "/", disk + "/x/y", disk + "?a=b", disk + "%2f..", "", "/", "disks/d", disk + "/providers/Microsoft.Compute/disks/e",
		"/subscriptions/s/resourceGroups//providers/Microsoft.Compute/disks/d", "/subscriptions/s/resourceGroups/../providers/Microsoft.Compute/disks/..",
		"/providers/Microsoft.Compute/disks/d", "/subscriptions/s/providers/Microsoft.Compute/disks/d", "/subscriptions/s/resourceGroups/g;h/providers/Microsoft.Compute/disks/d\x00"} {
		f.Add(seed)
	}
	const kind = "Microsoft.Compute/disks"
	f.Fuzz(func(t *testing.T, id string) {
		parsed, err := parseID(id, kind)
		if err != nil {
			return
		}
		for _, name := range []string{parsed.ResourceGroupName, parsed.Name} {
			if name == "" || strings.ContainsAny(name, "/?#%;& \t\r\n") || strings.Trim(name, ".") == "" {
				t.Errorf("%q gives the name %q", id, name)
			}
		}
		again, err := parseID("/subscriptions/"+parsed.SubscriptionID+"/resourceGroups/"+parsed.ResourceGroupName+"/providers/"+kind+"/"+parsed.Name, kind)
		if err != nil || again.Name != parsed.Name || again.ResourceGroupName != parsed.ResourceGroupName {
			t.Errorf("%q: %v, %v", id, again, err)
		}
		if n := strings.Count(escapePath(parsed.String()), "/"); n != 8 {
			t.Errorf("%q has %d elements", id, n)
		}
	})
}
