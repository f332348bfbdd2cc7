// SPDX-License-Identifier: GPL-2.0
/*
 * A network card whose wire is a file: for frames that come in as those of senders
 * on the same host may, which a test can hardly make such senders send at the right
 * moment.
 *
 * What is written to /dev/card, at once:
 *
 *     in FLAGS QUEUE LINEAR HEX [OFFSET HEX]   a frame comes in by this queue, of which
 *                                              so many bytes are not in pages; then the
 *                                              sender writes, before anything else runs
 *                                              on this CPU
 *     change OFFSET HEX                        the sender writes now, wherever its frame
 *                                              is by now
 *
 * The flags: "-" for none, or "w": this is the frame whose sender goes on writing to its
 * pages; "z": they are lent by a sender that waits for them; "u": they cannot be copied; "c": the sender has kept the frame, to send it again; "s": the sender
 * has left traces of all kinds in what describes the frame.
 *
 * What is read is a line for each frame that went out: what a driver is told with it, and
 * its bytes. The parameters tell what senders wait for.
 */

#include <linux/etherdevice.h>
#include <linux/hex.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define QUEUES 4
#define ROOM 512
#define ORDER 2

struct line {
	struct list_head list;
	size_t length;
	char text[];
};

static struct net_device *card;
static DEFINE_MUTEX(lock);
static DEFINE_SPINLOCK(lines_lock);
static LIST_HEAD(lines);
/* Those that senders have kept. */
static struct sk_buff_head kept;
/* Of a sender that goes on writing, and how much of the frame is before them. */
static struct page *page;
static unsigned int before;

static atomic_t lent;

static void come_back(struct sk_buff *skb, struct ubuf_info *info, bool success)
{
	atomic_dec(&lent);
}

static const struct ubuf_info_ops lender_ops = { .complete = come_back };
static struct ubuf_info lender = {
	.ops = &lender_ops,
	.refcnt = REFCOUNT_INIT(1),
	.flags = SKBFL_ZEROCOPY_FRAG,
};

static int get_lent(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&lent));
}

static int get_held(char *buffer, const struct kernel_param *param)
{
	struct sk_buff *skb;
	int held = 0;

	mutex_lock(&lock);
	skb_queue_walk(&kept, skb)
		held += skb_cloned(skb);
	mutex_unlock(&lock);
	return sysfs_emit(buffer, "%d\n", held);
}

static const struct kernel_param_ops lent_ops = { .get = get_lent };
static const struct kernel_param_ops held_ops = { .get = get_held };

/* Frames whose pages are lent. */
module_param_cb(lent, &lent_ops, NULL, 0444);
/* Kept frames that the sender must not touch, since others have them. */
module_param_cb(held, &held_ops, NULL, 0444);

static void leave_traces(struct sk_buff *skb)
{
	struct skb_shared_info *shared = skb_shinfo(skb);

	skb_set_delivery_time(skb, ktime_add_ms(ktime_get(), 3600 * MSEC_PER_SEC),
			      SKB_CLOCK_MONOTONIC);
	shared->tx_flags = SKBTX_SW_TSTAMP;
	shared->tskey = 7;
	shared->hwtstamps.hwtstamp = 7;
	shared->flags |= SKBFL_SHARED_FRAG;
	skb_metadata_set(skb, 8);
	skb->mark = 7;
	skb->priority = 7;
	skb->no_fcs = 1;
	skb->tc_depth = 3;
}

static struct sk_buff *make(const char *flags, const u8 *frame, unsigned int length,
			    unsigned int linear)
{
	struct page *pages;
	struct sk_buff *skb;

	if (length < ETH_HLEN || linear < ETH_HLEN || linear > min(length, ROOM) ||
	    length - linear > PAGE_SIZE << ORDER)
		return NULL;
	pages = alloc_pages(GFP_KERNEL | __GFP_COMP, ORDER);
	if (!pages)
		return NULL;
	skb = alloc_skb(2 * ROOM, GFP_KERNEL);
	if (!skb)
		goto put;
	skb_reserve(skb, NET_SKB_PAD);
	skb_put_data(skb, frame, linear);
	if (linear < length) {
		memcpy(page_address(pages), frame + linear, length - linear);
		get_page(pages);
		skb_add_rx_frag(skb, 0, pages, 0, length - linear, PAGE_SIZE << ORDER);
	}
	if (strchr(flags, 'w')) {
		swap(page, pages);
		before = linear;
	}
put:
	if (pages)
		put_page(pages);
	return skb;
}

/* As hex2bin, in place: returns how many bytes that are. */
static int unhex(char *text)
{
	size_t length = strlen(text) / 2;

	return hex2bin((u8 *)text, text, length) ? -EINVAL : length;
}

static int change(unsigned int offset, char *hex)
{
	int length = unhex(hex);

	if (length < 0 || !page || offset < before ||
	    offset - before + length > PAGE_SIZE << ORDER)
		return -EINVAL;
	memcpy(page_address(page) + offset - before, hex, length);
	return 0;
}

static int come_in(const char *flags, unsigned int queue, unsigned int linear, char *hex,
		   unsigned int offset, char *changed)
{
	int length = unhex(hex), result = 0;
	struct sk_buff *skb, *original;

	skb = length < 0 ? NULL : make(flags, hex, length, linear);
	if (!skb)
		return -EINVAL;
	skb->protocol = eth_type_trans(skb, card);
	skb_record_rx_queue(skb, queue);
	if (strchr(flags, 's'))
		leave_traces(skb);
	if (strchr(flags, 'z')) {
		atomic_inc(&lent);
		skb_zcopy_init(skb, &lender);
	}
	skb->unreadable = !!strchr(flags, 'u');
	if (strchr(flags, 'c')) {
		original = skb;
		skb = skb_clone(original, GFP_KERNEL);
		skb_queue_tail(&kept, original);
		if (!skb)
			return -ENOMEM;
		/* Made on any CPU, whatever this is. */
		skb->alloc_cpu = skb_queue_len(&kept) % num_online_cpus();
		skb_record_rx_queue(skb, queue);
	}
	local_bh_disable();
	netif_receive_skb(skb);
	if (changed)
		result = change(offset, changed);
	local_bh_enable();
	return result;
}

static ssize_t card_write(struct file *file, const char __user *from, size_t size,
			  loff_t *position)
{
	char *text = memdup_user_nul(from, size), *rest, *word[7] = {};
	int words = 0, result = -EINVAL;
	unsigned int number[3] = {};

	if (IS_ERR(text))
		return PTR_ERR(text);
	rest = strim(text);
	while (words < ARRAY_SIZE(word) && (word[words] = strsep(&rest, " ")))
		words++;
	mutex_lock(&lock);
	if (words == 3 && !strcmp(word[0], "change") && !kstrtouint(word[1], 0, number))
		result = change(number[0], word[2]);
	else if ((words == 5 || words == 7) && !strcmp(word[0], "in") &&
		 !kstrtouint(word[2], 0, number) && !kstrtouint(word[3], 0, number + 1) &&
		 (words == 5 || !kstrtouint(word[5], 0, number + 2)))
		result = come_in(word[1], number[0], number[1], word[4], number[2], word[6]);
	mutex_unlock(&lock);
	kfree(text);
	return result ?: size;
}

static ssize_t card_read(struct file *file, char __user *to, size_t size, loff_t *position)
{
	struct line *line;
	ssize_t length;

	spin_lock_bh(&lines_lock);
	line = list_first_entry_or_null(&lines, struct line, list);
	if (line)
		list_del(&line->list);
	spin_unlock_bh(&lines_lock);
	if (!line)
		return 0;
	length = min(size, line->length);
	if (copy_to_user(to, line->text, length))
		length = -EFAULT;
	kfree(line);
	return length;
}

static const struct file_operations card_fops = {
	.owner = THIS_MODULE,
	.read = card_read,
	.write = card_write,
};

static struct miscdevice card_file = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "card",
	.fops = &card_fops,
};

static netdev_tx_t card_xmit(struct sk_buff *skb, struct net_device *dev)
{
	const struct skb_shared_info *shared = skb_shinfo(skb);
	size_t room = 200 + 2 * skb->len;
	struct line *line = kmalloc(sizeof(*line) + room, GFP_ATOMIC);
	char *end;

	if (line && !skb_linearize(skb)) {
		shared = skb_shinfo(skb);
		end = line->text + scnprintf(line->text, room,
			"queue=%u tstamp=%lld tstamp_type=%u tx_flags=%u tskey=%u hwtstamp=%lld flags=%u meta_len=%u mark=%u priority=%u no_fcs=%u tc_depth=%u ",
			skb_get_queue_mapping(skb), skb->tstamp, skb->tstamp_type,
			shared->tx_flags, shared->tskey, shared->hwtstamps.hwtstamp,
			shared->flags, shared->meta_len, skb->mark, skb->priority,
			skb->no_fcs, skb->tc_depth);
		end = bin2hex(end, skb->data, skb->len);
		*end++ = '\n';
		line->length = end - line->text;
		spin_lock_bh(&lines_lock);
		list_add_tail(&line->list, &lines);
		spin_unlock_bh(&lines_lock);
		line = NULL;
	}
	kfree(line);
	dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}

static int card_open(struct net_device *dev)
{
	netif_tx_start_all_queues(dev);
	return 0;
}

static int card_stop(struct net_device *dev)
{
	netif_tx_stop_all_queues(dev);
	return 0;
}

static const struct net_device_ops card_ops = {
	.ndo_open = card_open,
	.ndo_stop = card_stop,
	.ndo_start_xmit = card_xmit,
	.ndo_set_mac_address = eth_mac_addr,
};

static void card_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &card_ops;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE;
	dev->features = NETIF_F_SG | NETIF_F_HIGHDMA;
	dev->max_mtu = 9000;
	eth_hw_addr_set(dev, (const u8[ETH_ALEN]){ 2, 0, 0, 0, 0, 0x0c });
}

static int __init card_init(void)
{
	int result;

	skb_queue_head_init(&kept);
	card = alloc_netdev_mqs(0, "card0", NET_NAME_USER, card_setup, QUEUES, QUEUES);
	if (!card)
		return -ENOMEM;
	result = register_netdev(card);
	if (result)
		goto free;
	result = misc_register(&card_file);
	if (!result)
		return 0;
	unregister_netdev(card);
free:
	free_netdev(card);
	return result;
}

static void __exit card_exit(void)
{
	struct line *line, *next;

	misc_deregister(&card_file);
	unregister_netdev(card);
	free_netdev(card);
	skb_queue_purge(&kept);
	list_for_each_entry_safe(line, next, &lines, list)
		kfree(line);
	if (page)
		put_page(page);
}

module_init(card_init);
module_exit(card_exit);
MODULE_DESCRIPTION("A network card whose wire is a file");
MODULE_LICENSE("GPL");
