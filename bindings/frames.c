// SPDX-License-Identifier: GPL-2.0
/*
 * Received frames, and replies: sequences of the kernel's macros and inline
 * functions. What each may be called with is stated where Rust calls it.
 */

#include <linux/blk-integrity.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <net/dst.h>

#include "kvblade.h"

/*
 * Whether a frame is addressed to this host. Also copies the first bytes behind the
 * Ethernet header, if so many are linear.
 */
bool kv_frame_is_for_us(const struct sk_buff *skb, u8 *to)
{
	if (skb_headlen(skb) >= KV_FIRST_BYTES)
		memcpy(to, skb->data, KV_FIRST_BYTES);
	return (skb->pkt_type == PACKET_HOST ||
		skb->pkt_type == PACKET_BROADCAST) &&
	       skb_mac_header_was_set(skb) &&
	       skb->data - skb_mac_header(skb) >= ETH_HLEN;
}

/*
 * A VLAN interface with "reorder_hdr off" leaves its tag between the addresses and
 * the type: it is put back there for others to see. As it is on all other interfaces
 * the header becomes one of 14 bytes before the data. NULL, and the frame is freed,
 * if there is no memory for a copy of what others see too, or it is no tag.
 */
static struct sk_buff *kv_frame_without_tags(struct sk_buff *skb)
{
	int more;

	while ((more = skb->data - skb_mac_header(skb) - ETH_HLEN) > 0) {
		u8 *start;

		if (more < VLAN_HLEN || !eth_type_vlan(eth_hdr(skb)->h_proto) ||
		    skb_cow_head(skb, 0)) {
			kfree_skb(skb);
			return NULL;
		}
		start = skb_mac_header(skb);
		memmove(start + VLAN_HLEN, start, 2 * ETH_ALEN);
		skb->mac_header += VLAN_HLEN;
	}
	return skb;
}

/* What is kept with a frame, since nothing keeps the device that it came by. */
struct kv_frame_cb {
	unsigned int headroom;
};

#define KV_FRAME_CB(skb) ((struct kv_frame_cb *)(skb)->cb)

/* A frame that is of no interest. */
void kv_frame_consume(struct sk_buff *skb)
{
	consume_skb(skb);
}

struct sk_buff *kv_frame_receive(struct sk_buff *skb)
{
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (skb) {
		KV_FRAME_CB(skb)->headroom = LL_RESERVED_SPACE(skb->dev);
		skb->dev = NULL;
		if (unlikely(skb->data - skb_mac_header(skb) != ETH_HLEN))
			skb = kv_frame_without_tags(skb);
	}
	return skb;
}

/*
 * The frame is going to be kept for as long as a disk takes. If its sender has lent
 * its pages and waits to have them back, as a guest on this host by vhost, they are
 * copied, and it has them back at once. The network stack does so for all receivers
 * of a frame but the last.
 */
int kv_frame_keep(struct sk_buff *skb)
{
	return skb_orphan_frags_rx(skb, GFP_ATOMIC);
}

unsigned int kv_frame_peek(const struct sk_buff *skb, u8 *to, unsigned int size)
{
	unsigned int len = min(size - ETH_HLEN, skb->len);

	if (len <= skb_headlen(skb)) {
		memcpy(to, eth_hdr(skb), ETH_HLEN + len);
		return ETH_HLEN + len;
	}
	memcpy(to, eth_hdr(skb), ETH_HLEN);
	if (skb_copy_bits(skb, 0, to + ETH_HLEN, len))
		return 0;
	return ETH_HLEN + len;
}

unsigned int kv_frame_len(const struct sk_buff *skb)
{
	return ETH_HLEN + skb->len;
}

int kv_frame_copy(const struct sk_buff *skb, unsigned int offset, void *to,
		  unsigned int len)
{
	return skb_copy_bits(skb, (int)offset - ETH_HLEN, to, len);
}

/*
 * Describes a part of the frame for a bio of the device, if it can be written
 * from where it lies: it must be so aligned that the device takes it, and if the
 * data must not change meanwhile we cannot promise it, since the frame may have
 * come from a sender on this host, in pages that it goes on using.
 */
u16 kv_frame_vectors(const struct sk_buff *skb, unsigned int offset,
		     unsigned int len, struct block_device *bdev,
		     struct bio_vec *to, u16 most)
{
	unsigned int mask = bdev_dma_alignment(bdev);
	unsigned long gap = queue_virt_boundary(bdev_get_queue(bdev));
	unsigned int block = bdev_logical_block_size(bdev);
	unsigned int sizes = mask;
	unsigned int start = offset - ETH_HLEN, size = skb_headlen(skb);
	struct page *page = virt_to_page(skb->data);
	unsigned int from = offset_in_page(skb->data);
	u16 count = 0;
	int i;

	if (skb_has_frag_list(skb) || !skb_frags_readable(skb) ||
	    bdev_stable_writes(bdev) || blk_get_integrity(bdev->bd_disk))
		return 0;
	most = min(most, bdev_max_segments(bdev));
	/*
	 * No block in two pieces; and who asks for no more than the default may
	 * mean whole pages (zram).
	 */
	if (block > SECTOR_SIZE) {
		sizes |= block - 1;
		if (mask >= SECTOR_SIZE - 1)
			mask = sizes;
	}
	for (i = 0; len; i++) {
		if (start < size) {
			from += start;
			size = min(size - start, len);
			if (count == most || (from & mask) || (size & sizes) ||
			    (count && (((from | to[-1].bv_offset) & gap) ||
				       (to[-1].bv_len & gap))))
				return 0;
			bvec_set_page(to++, page + (from >> PAGE_SHIFT), size,
				      offset_in_page(from));
			count++;
			len -= size;
			start = 0;
		} else {
			start -= size;
		}
		if (i == skb_shinfo(skb)->nr_frags)
			break;
		page = skb_frag_page(&skb_shinfo(skb)->frags[i]);
		from = skb_frag_off(&skb_shinfo(skb)->frags[i]);
		size = skb_frag_size(&skb_shinfo(skb)->frags[i]);
	}
	return len ? 0 : count;
}

bool kv_frame_was_broadcast(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_BROADCAST;
}

void kv_frame_get(struct sk_buff *skb)
{
	skb_get(skb);
}

/*
 * Where softirqs are held off, to where new buffers are taken from; if it was made
 * on another CPU, by way of a list of that CPU, which frees what is on it when it
 * receives frames the next time, if it ever does. So not if others share the data:
 * a sender on this host that has kept it, to send it again, uses it for something
 * else only when all others have freed it. The kernel's initiator waits for that
 * when it forgets a target, for 30 s, and then leaks it.
 */
void kv_frame_free(struct sk_buff *skb)
{
	napi_consume_skb(skb, skb_cloned(skb) ? 0 : softirq_count());
}

static void kv_reply_set_headers(struct sk_buff *skb)
{
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = htons(ETH_P_AOE);
}

/* From the network stack's memory for heads of frames: it is not cleared each time. */
struct sk_buff *kv_reply_alloc(unsigned int linear)
{
	unsigned int size = SKB_HEAD_ALIGN(LL_MAX_HEADER + linear);
	struct sk_buff *skb = NULL;
	void *start;

	local_bh_disable();
	start = napi_alloc_frag(size);
	if (start)
		skb = napi_build_skb(start, size);
	local_bh_enable();
	if (!skb) {
		if (start)
			skb_free_frag(start);
		return NULL;
	}
	skb_reserve(skb, LL_MAX_HEADER);
	skb_put_zero(skb, linear);
	kv_reply_set_headers(skb);
	return skb;
}

/* Whether a reply can be made where the frame is, instead of beside it. */
bool kv_reply_fits_frame(struct sk_buff *skb, unsigned int linear)
{
	unsigned int headroom = skb_mac_header(skb) - skb->head;

	return !skb_shared(skb) && !skb_cloned(skb) && !skb_zcopy(skb) &&
	       !skb_is_gso(skb) && !skb_has_frag_list(skb) &&
	       skb->fclone == SKB_FCLONE_UNAVAILABLE &&
	       headroom + ETH_HLEN >= KV_FRAME_CB(skb)->headroom &&
	       headroom + linear <= skb_end_offset(skb) && !pskb_trim(skb, 0);
}

void kv_reply_in_place(struct sk_buff *frame, const void *head, unsigned int len,
		       unsigned int linear)
{
	u16 alloc_cpu = frame->alloc_cpu;

	/*
	 * What the way in, or a sender on this host, has left there must not follow it on
	 * the way out: all is as in a new buffer. But the queue that it came by stays, and
	 * is a hint where it leaves, so that not all answers leave by one queue.
	 */
	skb_orphan(frame);
	skb_dst_drop(frame);
	skb_ext_reset(frame);
	nf_reset_ct(frame);
	frame->tstamp = 0;
	memset(frame->cb, 0, sizeof(frame->cb));
	memset(&frame->headers, 0, sizeof(frame->headers));
	frame->alloc_cpu = alloc_cpu;
	memset(skb_shinfo(frame), 0, offsetof(struct skb_shared_info, dataref));

	skb_push(frame, ETH_HLEN);
	skb_trim(frame, 0);
	skb_put_data(frame, head, len);
	if (linear > len)
		skb_put_zero(frame, linear - len);
	kv_reply_set_headers(frame);
}

/* A reply in the memory around data, which follows the head. */
struct sk_buff *kv_reply_around(const struct bio_vec *data, const void *head,
				unsigned int len)
{
	void *start = page_address(data->bv_page) + data->bv_offset - KV_HEADROOM;
	unsigned int size = KV_HEADROOM + ALIGN(data->bv_len, SECTOR_SIZE) + KV_HEADROOM;
	struct sk_buff *skb;

	BUILD_BUG_ON(KV_HEADROOM < SKB_DATA_ALIGN(sizeof(struct skb_shared_info)));
	local_bh_disable();
	skb = napi_build_skb(start, size);
	local_bh_enable();
	if (!skb)
		return NULL;
	skb_mark_for_recycle(skb);
	skb_reserve(skb, KV_HEADROOM - len);
	skb_put_data(skb, head, len);
	skb_put(skb, data->bv_len);
	kv_reply_set_headers(skb);
	return skb;
}

u8 *kv_reply_data(const struct sk_buff *skb)
{
	return skb->data;
}

void kv_reply_add_data(struct sk_buff *skb, int index, const struct bio_vec *data)
{
	skb_add_rx_frag(skb, index, data->bv_page, data->bv_offset, data->bv_len,
			KV_HEADROOM + data->bv_len + KV_HEADROOM);
	/* Not if it is from no pool. */
	skb_mark_for_recycle(skb);
}

/* As if the reply were made in the place of the frame: see there. */
void kv_reply_follow(struct sk_buff *skb, const struct sk_buff *frame)
{
	skb_copy_queue_mapping(skb, frame);
}

/*
 * What the interface was when the request came may be long past. Initiators take the
 * address that a frame is from for a way to the target, so it is the present one. False
 * if the frame has become longer than the interface sends; then it is freed.
 */
bool kv_reply_send(struct sk_buff *skb, struct net_device *dev)
{
	if (skb->len > READ_ONCE(dev->mtu) + ETH_HLEN) {
		kv_frame_free(skb);
		return false;
	}
	ether_addr_copy(eth_hdr(skb)->h_source, dev->dev_addr);
	skb->dev = dev;
	dev_queue_xmit(skb);
	return true;
}
