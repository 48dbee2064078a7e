package policy

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// PackageFacts is what is known of an upgrade file.
type PackageFacts struct {
	SHA256          string   // of the file, hex; "" when it was not computed
	PublishedSHA256 string   // as published by Pexip and entered by the operator
	ChecksumSource  string   // where the operator read it, usually Pexip's download page
	Target          *Version // what the operator says the file holds
	NameVersion     string   // version in the file's name; "" when the name tells none
	NameBuild       string   // build in the file's name; likewise
}

// CheckPackage judges an upgrade file: its checksum is given, well-formed (64 hexadecimal digits, either
// case) and equal to the file's (POL-5a), and where it was read is recorded (UPG-1). What the file's name
// says is advice only, since nothing documents such names.
func CheckPackage(p PackageFacts) Findings {
	return Findings{
		p.checkGiven(), p.checkForm(), p.checkMatches(),
		p.checkSource(), p.checkFromPage(), p.checkName(),
	}
}

func (p PackageFacts) checkGiven() Finding {
	if strings.TrimSpace(p.PublishedSHA256) == "" {
		return found(RuleChecksumGiven, Fail, "no checksum was given", "copy the SHA-256 from Pexip's download page")
	}
	return found(RuleChecksumGiven, Pass, "a checksum was given", "")
}

func (p PackageFacts) checkForm() Finding {
	given := strings.TrimSpace(p.PublishedSHA256)
	if given == "" {
		return found(RuleChecksumForm, Unknown, "no checksum was given", "copy the SHA-256 from Pexip's download page")
	}
	if !isSHA256(given) {
		return found(RuleChecksumForm, Fail, fmt.Sprintf("%q is not a SHA-256", clip(given)), "copy all 64 hexadecimal digits")
	}
	return found(RuleChecksumForm, Pass, "64 hexadecimal digits", "")
}

func (p PackageFacts) checkMatches() Finding {
	given, file := strings.TrimSpace(p.PublishedSHA256), strings.TrimSpace(p.SHA256)
	switch {
	case !isSHA256(given):
		return found(RuleChecksumMatches, Unknown, "there is no valid checksum to compare with", "give the SHA-256 that Pexip publishes")
	case !isSHA256(file):
		return found(RuleChecksumMatches, Unknown, "the file's checksum was not computed", "read the file in full and check again")
	case !strings.EqualFold(given, file):
		detail := fmt.Sprintf("published %s, the file has %s", strings.ToLower(given), strings.ToLower(file))
		return found(RuleChecksumMatches, Fail, detail, "do not use this file; download it again and compare again")
	}
	return found(RuleChecksumMatches, Pass, "the file has the published SHA-256 "+strings.ToLower(given), "")
}

func (p PackageFacts) checkSource() Finding {
	if strings.TrimSpace(p.ChecksumSource) == "" {
		return found(RuleChecksumSource, Fail, "it is not recorded where the checksum was read", "record the page, as package.checksum_source")
	}
	return found(RuleChecksumSource, Pass, "recorded: "+clip(p.ChecksumSource), "")
}

func (p PackageFacts) checkFromPage() Finding {
	u, err := url.Parse(strings.TrimSpace(p.ChecksumSource))
	if err == nil && u.Scheme == "https" && pexipHost(u.Hostname()) {
		return found(RuleChecksumFromPage, Pass, "the source is a page of Pexip", "")
	}
	return found(RuleChecksumFromPage, Fail, "the source is not an https page of pexip.com", "compare with https://www.pexip.com/help-center/platform-download")
}

func pexipHost(host string) bool {
	host = strings.ToLower(host)
	return host == "pexip.com" || strings.HasSuffix(host, ".pexip.com")
}

func (p PackageFacts) checkName() Finding {
	const remedy = "make sure that the file is the one meant; the checksum decides"
	if p.Target == nil || p.NameVersion == "" {
		return found(RuleFileName, Unknown, "the name does not tell the version, or the target is unknown", remedy)
	}
	named, err := p.named()
	if err != nil {
		return found(RuleFileName, Unknown, "the name does not tell the version: "+err.Error(), remedy)
	}
	detail := fmt.Sprintf("the name says %s, the target is %s", named, p.Target)
	if !named.SameRelease(*p.Target) || named.BuildsKnown(*p.Target) && !named.SameSoftware(*p.Target) {
		return found(RuleFileName, Fail, detail, remedy)
	}
	return found(RuleFileName, Pass, detail, "")
}

func (p PackageFacts) named() (Version, error) {
	v, err := ParseVersion(p.NameVersion)
	if err != nil || p.NameBuild == "" {
		return v, err
	}
	return v.WithBuild(p.NameBuild)
}

func isSHA256(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32
}
