#!/bin/sh
trap 'echo "door,site=$1 open=f 6"; exit' TERM
echo "door,site=$1 open=t 5"
while :; do sleep 0.05; done
