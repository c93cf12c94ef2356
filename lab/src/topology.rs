//! The shape of the test network, as data.
//!
//! In: a [`Spec`]. Out: nodes, links, addresses, observation points and the `ip` commands that build them.
//! Pure: nothing here touches the system.
//!
//! ```text
//! client eth0 --- west r1 east --- [west r2 east] --- eth0 server      (10.77.x.0/24, fd77:0:0:x::/64)
//!    mgmt0          mgmt0              mgmt0              mgmt0
//!      \______________\____ mgmt _______/__________________/            (192.168.77.0/24, apart from the path)
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::marks::Marks;

/// The receiver's echo of SCE marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Esce {
    /// The unpatched kernel: no ESCE at all.
    #[default]
    Off,
    /// AE set on every ACK of an SCE segment.
    Full,
    /// AE set on every second one of them.
    Half,
}

/// Everything that defines a lab; kept in its state file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) prefix: String,
    pub(crate) routers: usize,
    /// The family that traffic uses unless told otherwise; the network always has both.
    pub(crate) ipv6: bool,
    pub(crate) offloads: bool,
    pub(crate) nat: bool,
    pub(crate) rate_mbit: Option<u32>,
    /// Longest time a packet may wait at the rate limit before it is dropped, ms.
    pub(crate) queue_ms: u32,
    pub(crate) seed: u64,
    /// One per possible router.
    pub(crate) marks: [Marks; 2],
    pub(crate) esce: Esce,
    /// Whether routers log every packet.
    pub(crate) log: bool,
}

/// Port translation of `--nat`: the outside port is the inside port exclusive-or this.
pub(crate) const NAT_PORT_XOR: u16 = 0x1555;

/// One interface on the measured path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) node: &'static str,
    pub(crate) iface: &'static str,
    /// Number of the subnet: 10.77.N.0/24 and fd77:0:0:N::/64.
    pub(crate) subnet: u8,
    pub(crate) host: u8,
}

impl Port {
    pub(crate) fn v4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.subnet, self.host)
    }

    pub(crate) fn v6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd77, 0, 0, self.subnet.into(), 0, 0, 0, self.host.into())
    }

    fn mac(&self) -> String {
        format!("02:77:00:00:{:02x}:{:02x}", self.subnet, self.host)
    }
}

/// What a point stands for in the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// What the sending host put on its interface.
    Sent,
    /// What reached a router (index from 0) over its incoming link.
    Arrived(usize),
    /// What a router decided and sent on.
    Router(usize),
    /// What reached the receiving host.
    Received,
}

/// A place where the kernel program counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) id: u8,
    pub(crate) port: Port,
    pub(crate) ingress: bool,
    /// Client to server.
    pub(crate) up: bool,
    pub(crate) role: Role,
    /// True beyond the translating router, where the client shows its outside address.
    pub(crate) outside: bool,
}

const ROUTERS: [&str; 2] = ["r1", "r2"];
/// Where a collector can listen without its traffic crossing the measured path.
pub(crate) const MGMT_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

impl Spec {
    /// The nodes of the path in order, client first.
    pub(crate) fn path_nodes(&self) -> Vec<&'static str> {
        let mut nodes = vec!["client"];
        nodes.extend(&ROUTERS[..self.routers]);
        nodes.push("server");
        nodes
    }

    /// All nodes, the management one last.
    pub(crate) fn nodes(&self) -> Vec<&'static str> {
        let mut nodes = self.path_nodes();
        nodes.push("mgmt");
        nodes
    }

    pub(crate) fn namespace(&self, node: &str) -> String {
        format!("{}-{node}", self.prefix)
    }

    /// The interfaces of each link: the client's side first.
    pub(crate) fn links(&self) -> Vec<(Port, Port)> {
        let nodes = self.path_nodes();
        let port = |at: usize, west: bool, subnet: usize| Port {
            node: nodes[at],
            iface: if at == 0 || at == nodes.len() - 1 {
                "eth0"
            } else if west {
                "west"
            } else {
                "east"
            },
            subnet: subnet as u8,
            // A router is .1 towards a host; between routers the western one is.
            host: if at == 0 || (west && at == nodes.len() - 1) || (west && at == 2) { 2 } else { 1 },
        };
        // The server's subnet is number 3 with one router too, so that its address never changes.
        let subnet = |link: usize| if link == self.routers { 3 } else { link + 1 };
        (0..nodes.len() - 1).map(|link| (port(link, false, subnet(link)), port(link + 1, true, subnet(link)))).collect()
    }

    pub(crate) fn client_port(&self) -> Port {
        Port { node: "client", iface: "eth0", subnet: 1, host: 2 }
    }

    pub(crate) fn server_port(&self) -> Port {
        Port { node: "server", iface: "eth0", subnet: 3, host: 2 }
    }

    /// The addresses that the client shows behind `--nat`.
    pub(crate) fn outside(&self) -> (Ipv4Addr, Ipv6Addr) {
        let outside = Port { node: "r1", iface: "east", subnet: 9, host: 1 };
        (outside.v4(), outside.v6())
    }

    /// The server's address in the lab's preferred family.
    pub(crate) fn server_address(&self, ipv6: bool) -> IpAddr {
        if ipv6 { self.server_port().v6().into() } else { self.server_port().v4().into() }
    }

    /// Every place where packets are counted, in path order, client to server first.
    pub(crate) fn points(&self) -> Vec<Point> {
        let links = self.links();
        let mut points = Vec::new();
        let mut push = |port: Port, ingress: bool, up: bool, role: Role, outside: bool| {
            points.push(Point { id: points.len() as u8, port, ingress, up, role, outside: outside && self.nat });
        };
        for (i, (near, far)) in links.iter().enumerate() {
            let from = if i == 0 { Role::Sent } else { Role::Router(i - 1) };
            let to = if i == links.len() - 1 { Role::Received } else { Role::Arrived(i) };
            push(*near, false, true, from, i > 1);
            push(*far, true, true, to, i > 0);
        }
        for (i, (far, near)) in links.iter().enumerate().rev() {
            let from = if i == links.len() - 1 { Role::Sent } else { Role::Router(i) };
            let to = if i == 0 { Role::Received } else { Role::Arrived(i - 1) };
            push(*near, false, false, from, i > 0);
            push(*far, true, false, to, i > 1);
        }
        points
    }

    /// `ip -batch` lines that create the links between the (existing) namespaces.
    pub(crate) fn link_commands(&self) -> String {
        let mut text = String::new();
        for (a, b) in self.links() {
            text += &format!(
                "link add {} netns {} address {} type veth peer name {} netns {} address {}\n",
                a.iface,
                self.namespace(a.node),
                a.mac(),
                b.iface,
                self.namespace(b.node),
                b.mac()
            );
        }
        for node in self.path_nodes() {
            let (ns, mgmt) = (self.namespace(node), self.namespace("mgmt"));
            text += &format!("link add mgmt0 netns {ns} type veth peer name {node} netns {mgmt}\n");
        }
        text
    }

    /// `ip -batch` lines to run inside one node.
    pub(crate) fn node_commands(&self, node: &str) -> String {
        let mut text = String::from("link set lo up\n");
        let mut up = |iface: &str| text += &format!("link set dev {iface} addrgenmode none up\n");
        if node == "mgmt" {
            self.path_nodes().iter().for_each(|peer| up(peer));
            for (i, peer) in self.path_nodes().iter().enumerate() {
                text += &format!("addr add {MGMT_ADDRESS} peer {} dev {peer}\n", mgmt_address(i));
            }
            return text;
        }
        up("mgmt0");
        let links = self.links();
        let mine = links.iter().flat_map(|(a, b)| [(a, b), (b, a)]).filter(|(port, _)| port.node == node);
        for (port, peer) in mine {
            let iface = port.iface;
            text += &format!("link set dev {iface} addrgenmode none up\n");
            text += &format!("addr add {}/24 dev {iface}\naddr add {}/64 dev {iface} nodad\n", port.v4(), port.v6());
            for address in [IpAddr::from(peer.v4()), peer.v6().into()] {
                text += &format!("neigh replace {address} lladdr {} nud permanent dev {iface}\n", peer.mac());
            }
        }
        let at = self.path_nodes().iter().position(|n| *n == node).unwrap_or(0);
        text += &format!("addr add {} peer {MGMT_ADDRESS} dev mgmt0\n", mgmt_address(at));
        text + &self.route_commands(node)
    }

    /// Its routes alone; they may be set again after a change.
    pub(crate) fn route_commands(&self, node: &str) -> String {
        let at = self.path_nodes().iter().position(|n| *n == node).unwrap_or(0);
        let links = self.links();
        // Acknowledging each segment at once is what lets every ESCE speak of one segment.
        let quick = if node == "server" && self.esce != Esce::Off { " quickack 1" } else { "" };
        let toward = |gateway: &Port| {
            format!(
                "route replace 0.0.0.0/0 via {}{quick}\nroute replace ::/0 via {}{quick}\n",
                gateway.v4(),
                gateway.v6()
            )
        };
        match node {
            "client" => toward(&links[0].1),
            "server" => toward(&links[links.len() - 1].0),
            _ if at < self.routers => toward(&links[at].1),
            // The last router reaches the server directly, and the client and its outside address through the others.
            _ if at > 1 => {
                let back = links[at - 1].0;
                [1, 9]
                    .iter()
                    .map(|subnet| {
                        let net = Port { subnet: *subnet, host: 0, ..back };
                        format!(
                            "route replace {}/24 via {}\nroute replace {}/64 via {}\n",
                            net.v4(),
                            back.v4(),
                            net.v6(),
                            back.v6()
                        )
                    })
                    .collect()
            }
            _ => String::new(),
        }
    }
}

/// The management address of the path's n-th node.
pub(crate) fn mgmt_address(at: usize) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 77, 10 + at as u8)
}

#[cfg(test)]
pub(crate) fn test_spec(routers: usize) -> Spec {
    Spec {
        prefix: "t".into(),
        routers,
        ipv6: false,
        offloads: false,
        nat: true,
        rate_mbit: None,
        queue_ms: 50,
        seed: 1,
        marks: [Marks::default(); 2],
        esce: Esce::Off,
        log: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hosts_do_not_depend_on_the_routers() {
        for routers in [1, 2] {
            let spec = test_spec(routers);
            let links = spec.links();
            assert_eq!(links.len(), routers + 1);
            assert_eq!(links[0].0, spec.client_port());
            assert_eq!(links[routers].1, spec.server_port());
            for (a, b) in links {
                assert_eq!(a.subnet, b.subnet);
                assert_ne!(a.host, b.host, "{a:?} and {b:?} share an address");
            }
        }
    }

    #[test]
    fn points_follow_the_path_both_ways() {
        let points = test_spec(2).points();
        let roles = |up: bool| -> Vec<Role> { points.iter().filter(|p| p.up == up).map(|p| p.role).collect() };
        use Role::{Arrived, Received, Router, Sent};
        assert_eq!(roles(true), [Sent, Arrived(0), Router(0), Arrived(1), Router(1), Received]);
        assert_eq!(roles(false), [Sent, Arrived(1), Router(1), Arrived(0), Router(0), Received]);
        // Translation happens at r1's east interface, counted with the inside addresses.
        let outside: Vec<&str> = points.iter().filter(|p| p.outside).map(|p| p.port.node).collect();
        assert_eq!(outside, ["r2", "r2", "server", "server", "r2", "r2"]);
        assert!(points.iter().enumerate().all(|(i, p)| usize::from(p.id) == i));
    }

    #[test]
    fn every_node_has_a_way_to_both_ends() {
        let spec = test_spec(2);
        assert!(spec.node_commands("client").contains("route replace ::/0 via fd77:0:0:1::1"));
        assert!(spec.node_commands("r1").contains("route replace 0.0.0.0/0 via 10.77.2.2"));
        assert!(spec.node_commands("r2").contains("route replace 10.77.9.0/24 via 10.77.2.1"));
        assert!(spec.node_commands("server").contains("route replace 0.0.0.0/0 via 10.77.3.1\n"));
        let one = Spec { esce: Esce::Full, ..test_spec(1) };
        assert!(!one.node_commands("r1").contains("route"));
        assert!(one.node_commands("server").contains("via 10.77.3.1 quickack 1"));
    }
}
