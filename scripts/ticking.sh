#!/bin/sh
# Runs a command that says nothing for long, and shows each second on a terminal that it goes on.
[ -t 2 ] || exec "$@"
"$@" &
running=$!
trap 'kill "$running" 2>/dev/null' INT TERM
seconds=0
while kill -0 "$running" 2>/dev/null; do
  printf '\r%s s ' "$seconds" >&2
  sleep 1
  seconds=$((seconds + 1))
done
printf '\r      \r' >&2
wait "$running"
