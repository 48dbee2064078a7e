package devopstest

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// requested is the api-version of a request, from the query or the Accept header.
func requested(r *http.Request) string {
	if v := r.URL.Query().Get("api-version"); v != "" {
		return v
	}
	accept, _, _ := strings.Cut(r.Header.Get("Accept"), ",")
	for part := range strings.SplitSeq(accept, ";") {
		if v, found := strings.CutPrefix(strings.TrimSpace(part), "api-version="); found {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func negotiated(r *http.Request) string { return or(requested(r), "7.1") }

// The newest version, of which only previews exist, and the one before it.
const newestVersion, releasedVersion = 7.2, 7.1

var versionForm = regexp.MustCompile(`^(\d+(?:\.\d+)?)(-preview(?:\.\d+)?)?$`)

// wrongVersion refuses what the service refuses. Only reads may come without a version.
func wrongVersion(r *http.Request) (reply, bool) {
	text := requested(r)
	if text == "" {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
			return reply{}, false
		}
		return refusal(http.StatusBadRequest, "VssVersionNotSpecifiedException",
			"No api-version was supplied for the %q request. The version must be supplied either as part of the Accept header (e.g. \"application/json; api-version=1.0\") or as a query parameter (e.g. \"?api-version=1.0\").", r.Method), true
	}
	form := versionForm.FindStringSubmatch(text)
	if form == nil {
		return refusal(http.StatusBadRequest, "VssInvalidApiResourceVersionException", "The api-version %q is not a version, such as \"7.1\" or \"7.2-preview.1\".", text), true
	}
	switch number, _ := strconv.ParseFloat(form[1], 64); {
	case number > newestVersion:
		return refusal(http.StatusBadRequest, "VssVersionOutOfRangeException", "The requested REST API version of %s is out of range for this server. The latest REST API version this server supports is %v.", form[1], newestVersion), true
	case number > releasedVersion && form[2] == "":
		return refusal(http.StatusBadRequest, "VssInvalidPreviewVersionException", "The requested version %q of the resource is under preview. The -preview flag must be supplied in the api-version for such requests. For example: \"%s-preview\"", form[1], form[1]), true
	}
	return reply{}, false
}
