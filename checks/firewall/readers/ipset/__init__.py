"""Sets that rules of iptables refer to, as `ipset save` prints them."""
