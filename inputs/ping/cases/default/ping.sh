#!/bin/sh
echo "PING own.example (192.0.2.1) 16(44) bytes of data."
echo "24 bytes from 192.0.2.1: icmp_seq=1 ttl=57 time=3.25 ms"
echo
echo "--- own.example ping statistics ---"
echo "1 packets transmitted, 1 received, 0% packet loss, time 0ms"
echo "rtt min/avg/max/mdev = 3.250/3.250/3.250/0.000 ms"
