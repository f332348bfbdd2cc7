// SPDX-License-Identifier: GPL-2.0
/*
 * The null responder: answers reads and writes in softirq without touching a
 * device. What it costs is the floor of every AoE target on the same wire.
 * It is for measurements only and trusts what it receives.
 */

#include <linux/ata.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/skbuff.h>

/* Offsets from the AoE header, which follows the Ethernet header. */
#define VERSION 0
#define COMMAND 5
#define ERROR 11
#define SECTORS 12
#define STATUS 13
#define HEADERS 22

#define RESPONSE 0x08
#define DRIVE_READY 0x40

static char *interface;
module_param(interface, charp, 0444);
MODULE_PARM_DESC(interface, "where to answer");

/* What is read: nobody looks at it. Enough for a jumbo frame. */
#define DATA_ORDER 2
static struct page *data;

static struct sk_buff *new_answer(struct net_device *dev, const struct sk_buff *request)
{
	struct sk_buff *skb = alloc_skb(LL_MAX_HEADER + ETH_ZLEN, GFP_ATOMIC);

	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = htons(ETH_P_AOE);
	skb->dev = dev;
	ether_addr_copy(skb->data, eth_hdr(request)->h_source);
	ether_addr_copy(skb->data + ETH_ALEN, dev->dev_addr);
	skb->data[2 * ETH_ALEN] = ETH_P_AOE >> 8;
	skb->data[2 * ETH_ALEN + 1] = ETH_P_AOE & 0xff;
	memcpy(skb->data + ETH_HLEN, request->data, HEADERS);
	skb->data[ETH_HLEN + VERSION] |= RESPONSE;
	return skb;
}

static void answer_ata(struct net_device *dev, const struct sk_buff *request)
{
	struct sk_buff *skb = new_answer(dev, request);
	unsigned int len = request->data[SECTORS] * ATA_SECT_SIZE;

	if (!skb)
		return;
	if (request->data[STATUS] == ATA_CMD_PIO_READ_EXT) {
		skb_put(skb, ETH_HLEN + HEADERS);
		get_page(data);
		skb_add_rx_frag(skb, 0, data, 0, len, len);
	} else {
		memset(skb->data + ETH_HLEN + HEADERS, 0, ETH_ZLEN - ETH_HLEN - HEADERS);
		skb_put(skb, ETH_ZLEN);
	}
	skb->data[ETH_HLEN + ERROR] = 0;
	skb->data[ETH_HLEN + STATUS] = DRIVE_READY;
	dev_queue_xmit(skb);
}

static int receive(struct sk_buff *skb, struct net_device *dev, struct packet_type *type,
		   struct net_device *original)
{
	if (skb->pkt_type == PACKET_HOST && pskb_may_pull(skb, HEADERS) &&
	    !(skb->data[VERSION] & RESPONSE) && skb->data[COMMAND] == 0)
		answer_ata(dev, skb);
	consume_skb(skb);
	return 0;
}

static struct packet_type aoe = {
	.type = htons(ETH_P_AOE),
	.func = receive,
};

static int __init start(void)
{
	aoe.dev = dev_get_by_name(current->nsproxy->net_ns, interface ?: "");
	if (!aoe.dev)
		return -ENODEV;
	data = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO, DATA_ORDER);
	if (!data) {
		dev_put(aoe.dev);
		return -ENOMEM;
	}
	dev_add_pack(&aoe);
	return 0;
}

static void __exit stop(void)
{
	dev_remove_pack(&aoe);
	put_page(data);
	dev_put(aoe.dev);
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("Answers AoE frames without a device, for measurements");
MODULE_LICENSE("GPL");
