package pexip

import (
	"context"
	"net/http"
	"time"
)

// GlobalSettings are the platform-wide settings that matter here.
type GlobalSettings struct {
	// SessionTimeoutEnabled is "Enable management web interface session timeout".
	SessionTimeoutEnabled bool
	// SessionTimeout is after how long an idle browser is logged out.
	SessionTimeout time.Duration
}

const globalPath = "configuration/v1/global/1/"

// GlobalSettings reads the settings. It is an error when the node does not say whether the
// session timeout is on.
func (c *Client) GlobalSettings(ctx context.Context) (GlobalSettings, error) {
	const op = "read the global settings"
	var w struct {
		Enabled *bool `json:"session_timeout_enabled"`
		Minutes int   `json:"management_session_timeout"`
	}
	if err := c.read(ctx, op, globalPath, &w); err != nil {
		return GlobalSettings{}, err
	}
	if w.Enabled == nil {
		return GlobalSettings{}, misshapen(op, globalPath, "session_timeout_enabled is missing")
	}
	return GlobalSettings{*w.Enabled, time.Duration(w.Minutes) * time.Minute}, nil
}

// SetSessionTimeoutEnabled switches the session timeout of the web interface. The request names
// only that setting, so all others stay as they are. It may be repeated safely, but is not
// repeated by itself; read the settings afterwards to see the effect.
func (c *Client) SetSessionTimeoutEnabled(ctx context.Context, enabled bool) error {
	r, err := jsonCall("switch the session timeout", http.MethodPatch, globalPath,
		map[string]bool{"session_timeout_enabled": enabled}, safeToRepeat)
	if err != nil {
		return err
	}
	_, err = c.write(ctx, r, nil)
	return err
}
