// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers for interfaces: see helpers.c.
 */

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_macvlan.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

#include "kvblade.h"

struct net_device *kv_netdev_get_by_name(const char *name)
{
	return dev_get_by_name(current->nsproxy->net_ns, name);
}

void kv_netdev_hold(struct net_device *dev)
{
	dev_hold(dev);
}

void kv_netdev_put(struct net_device *dev)
{
	dev_put(dev);
}

/* Fills IFNAMSIZ bytes. */
void kv_netdev_name(const struct net_device *dev, char *name)
{
	memcpy(name, dev->name, IFNAMSIZ);
}

bool kv_netdev_is_named(const struct net_device *dev, const char *name)
{
	return !strcmp(dev->name, name);
}

unsigned int kv_netdev_mtu(const struct net_device *dev)
{
	return READ_ONCE(dev->mtu);
}

void kv_netdev_address(const struct net_device *dev, u8 *to)
{
	ether_addr_copy(to, dev->dev_addr);
}

bool kv_netdev_is_ethernet(const struct net_device *dev)
{
	return dev->type == ARPHRD_ETHER || dev->type == ARPHRD_LOOPBACK;
}

bool kv_netdev_is_loopback(const struct net_device *dev)
{
	return dev->flags & IFF_LOOPBACK;
}

/*
 * The interface that takes all frames of this one before a protocol sees them:
 * a bridge, bond, team or the like. VRF and batman-adv are masters without such
 * a handler; of what has one but is no master only this kind leaves nothing.
 */
static struct net_device *kv_taker(struct net_device *dev)
{
	struct net_device *upper;
	struct list_head *iter;

	if (!rcu_access_pointer(dev->rx_handler))
		return NULL;
	upper = netdev_master_upper_dev_get_rcu(dev);
	if (upper && !netif_is_l3_master(upper))
		return upper;
	netdev_for_each_upper_dev_rcu(dev, upper, iter) {
		struct macvlan_dev *vlan = netdev_priv(upper);

		if (netif_is_macvlan(upper) &&
		    vlan->mode == MACVLAN_MODE_PASSTHRU)
			return upper;
	}
	return NULL;
}

static bool kv_is_kind(const struct net_device *dev, const char *kind)
{
	return dev->rtnl_link_ops && !strcmp(dev->rtnl_link_ops->kind, kind);
}

/* Puts the name of an interface that takes them, which fills IFNAMSIZ bytes. */
enum kv_taker kv_netdev_taker(struct net_device *dev, char *name)
{
	enum kv_taker what = KV_TAKER_NONE;
	struct net_device *taker;

	/* A program that opens it has them: there is no other use of one. */
	if (kv_is_kind(dev, "macvtap") || kv_is_kind(dev, "ipvtap"))
		return KV_TAKER_TAP;
	/* They get what is broadcast, but what is for them alone only if it is IP. */
	if (kv_is_kind(dev, "ipvlan") || netif_is_l3_master(dev))
		return KV_TAKER_IP;
	rcu_read_lock();
	taker = kv_taker(dev);
	if (taker) {
		memcpy(name, taker->name, IFNAMSIZ);
		what = netif_is_ovs_master(taker) ? KV_TAKER_OPEN_VSWITCH :
						    KV_TAKER_INTERFACE;
	}
	rcu_read_unlock();
	return what;
}

bool kv_netdev_is_up(const struct net_device *dev)
{
	return netif_running(dev);
}

bool kv_netdev_has_carrier(const struct net_device *dev)
{
	return netif_carrier_ok(dev);
}

u64 kv_netdev_namespace(const struct net_device *dev)
{
	return dev_net(dev)->net_cookie;
}

u64 kv_current_namespace(void)
{
	return current->nsproxy->net_ns->net_cookie;
}

struct net_device *kv_notifier_netdev(void *info)
{
	return netdev_notifier_info_to_dev(info);
}
