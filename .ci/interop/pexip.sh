# The Management API with plain curl: read, page, change one setting, be refused, upload, start.
set -euo pipefail

api=$INTEROP_URL/api/admin
call() { curl --silent --show-error --cacert "$INTEROP_CA" --user admin:interop "$@"; }
status() { call --output /dev/null --write-out '%{http_code}' "$@"; }
want() {
	[ "$2" = "$3" ] && return
	echo "$1: $2, want $3" >&2
	exit 1
}

want "wrong password" "$(status --user admin:wrong "$api/status/v1/worker_vm/")" 401
want "unknown resource" "$(status "$api/status/v1/nothing/")" 404
want "wrong method" "$(status --request DELETE "$api/configuration/v1/global/1/")" 405
want "nodes" "$(call "$api/status/v1/worker_vm/?limit=1" | python3 -c 'import json,sys; print(json.load(sys.stdin)["meta"]["total_count"])')" 1
want "patch" "$(status --request PATCH --header 'Content-Type: application/json' --data '{"session_timeout_enabled":false}' "$api/configuration/v1/global/1/")" 202
want "backup from a form" "$(status --data-urlencode passphrase=secret --data request=true "$api/command/v1/platform/backup_create/")" 202
want "upload that starts the upgrade" "$(status --form "package=@$INTEROP_PACKAGE" "$api/command/v1/platform/upgrade/")" 202
echo "pexip: read, changed, refused, uploaded and started with curl"
