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
#define SHELF 2
#define SLOT 4
#define COMMAND 5
#define ARGUMENT 10
/* of an ATA command */
#define ERROR 11
#define SECTORS 12
#define STATUS 13
#define HEADERS 22
/* of a query for the configuration */
#define BUFFERS 10
#define FRAME_SECTORS 14
#define PROTOCOL 15

#define RESPONSE 0x08
#define ATA 0
#define CONFIG 1

/* Requests that a client may have in flight, and the address: 0.1. */
#define MAX_BUFFERS 64
#define OWN_SLOT 1

static char *interface;
module_param(interface, charp, 0444);
MODULE_PARM_DESC(interface, "where to answer");

static uint sectors = 1 << 21;
module_param(sectors, uint, 0444);
MODULE_PARM_DESC(sectors, "the size of the disk that there is not");

/* What is read: nobody looks at it. Enough for a jumbo frame. */
#define DATA_ORDER 2
static struct page *data;

/* What IDENTIFY DEVICE returns. */
static struct page *identity;

/* An answer with the first bytes of the request. */
static struct sk_buff *new_answer(struct net_device *dev, const struct sk_buff *request,
				  unsigned int len)
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
	memcpy(skb->data + ETH_HLEN, request->data, len);
	skb->data[ETH_HLEN + VERSION] |= RESPONSE;
	return skb;
}

/* Without data a frame is as short as it may be. */
static void add_nothing(struct sk_buff *skb)
{
	memset(skb->data + ETH_HLEN + HEADERS, 0, ETH_ZLEN - ETH_HLEN - HEADERS);
	skb_put(skb, ETH_ZLEN);
}

static void answer_config(struct net_device *dev, const struct sk_buff *request)
{
	struct sk_buff *skb = new_answer(dev, request, ARGUMENT);
	u8 *aoe;

	if (!skb)
		return;
	aoe = skb->data + ETH_HLEN;
	memset(aoe + ARGUMENT, 0, HEADERS - ARGUMENT);
	aoe[SHELF] = 0;
	aoe[SHELF + 1] = 0;
	aoe[SLOT] = OWN_SLOT;
	aoe[BUFFERS + 1] = MAX_BUFFERS;
	aoe[FRAME_SECTORS] = (dev->mtu - HEADERS) / ATA_SECT_SIZE;
	aoe[PROTOCOL] = 1 << 4;
	add_nothing(skb);
	dev_queue_xmit(skb);
}

static void add_data(struct sk_buff *skb, struct page *page, unsigned int len)
{
	skb_put(skb, ETH_HLEN + HEADERS);
	get_page(page);
	skb_add_rx_frag(skb, 0, page, 0, len, len);
}

static void answer_ata(struct net_device *dev, const struct sk_buff *request)
{
	struct sk_buff *skb = new_answer(dev, request, HEADERS);

	if (!skb)
		return;
	switch (request->data[STATUS]) {
	case ATA_CMD_PIO_READ_EXT:
		add_data(skb, data, request->data[SECTORS] * ATA_SECT_SIZE);
		break;
	case ATA_CMD_ID_ATA:
		add_data(skb, identity, ATA_SECT_SIZE);
		break;
	default:
		add_nothing(skb);
	}
	skb->data[ETH_HLEN + ERROR] = 0;
	skb->data[ETH_HLEN + STATUS] = ATA_DRDY;
	dev_queue_xmit(skb);
}

static int receive(struct sk_buff *skb, struct net_device *dev, struct packet_type *type,
		   struct net_device *original)
{
	if (skb->pkt_type <= PACKET_BROADCAST && pskb_may_pull(skb, ARGUMENT) &&
	    !(skb->data[VERSION] & RESPONSE)) {
		if (skb->data[COMMAND] == ATA && pskb_may_pull(skb, HEADERS))
			answer_ata(dev, skb);
		else if (skb->data[COMMAND] == CONFIG)
			answer_config(dev, skb);
	}
	consume_skb(skb);
	return 0;
}

static struct packet_type aoe = {
	.type = htons(ETH_P_AOE),
	.func = receive,
};

/* The words of IDENTIFY DEVICE that clients look at. */
static void describe(__le16 *words)
{
	words[ATA_ID_CAPABILITY] = cpu_to_le16(1 << 9);
	words[ATA_ID_COMMAND_SET_2] = cpu_to_le16(1 << 14 | 1 << 10);
	words[ATA_ID_CFS_ENABLE_2] = cpu_to_le16(1 << 10);
	words[ATA_ID_LBA_CAPACITY] = cpu_to_le16(sectors);
	words[ATA_ID_LBA_CAPACITY + 1] = cpu_to_le16(sectors >> 16);
	words[ATA_ID_LBA_CAPACITY_2] = cpu_to_le16(sectors);
	words[ATA_ID_LBA_CAPACITY_2 + 1] = cpu_to_le16(sectors >> 16);
}

static void release(void)
{
	if (identity)
		put_page(identity);
	if (data)
		put_page(data);
	dev_put(aoe.dev);
}

static int __init start(void)
{
	aoe.dev = dev_get_by_name(current->nsproxy->net_ns, interface ?: "");
	if (!aoe.dev)
		return -ENODEV;
	data = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO, DATA_ORDER);
	identity = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!data || !identity) {
		release();
		return -ENOMEM;
	}
	describe(page_address(identity));
	dev_add_pack(&aoe);
	return 0;
}

static void __exit stop(void)
{
	dev_remove_pack(&aoe);
	release();
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("Answers AoE frames without a device, for measurements");
MODULE_LICENSE("GPL");
