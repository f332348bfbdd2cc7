/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module needs of the kernel's C headers beyond the bindings of the
 * kernel crate: a few exported functions, and wrappers (kv_*) of macros and
 * inline functions, which Rust cannot call.
 */
#ifndef KVBLADE_BINDINGS_H
#define KVBLADE_BINDINGS_H

#include <linux/blkdev.h>
#include <linux/if_ether.h>
#include <linux/ioprio.h>
#include <linux/kthread.h>
#include <linux/mempool.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/sysfs.h>

#include "trace.h"

/* Constants that bindgen cannot evaluate. */
static const u32 KV_OPEN_READ = (__force u32)BLK_OPEN_READ;
static const u32 KV_OPEN_WRITE = (__force u32)BLK_OPEN_WRITE;
static const u32 KV_READ = (__force u32)REQ_OP_READ;
static const u32 KV_WRITE = (__force u32)(REQ_OP_WRITE | REQ_SYNC | REQ_IDLE);
static const u32 KV_WRITE_DURABLE =
	(__force u32)(REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | REQ_FUA);
static const u32 KV_FLUSH =
	(__force u32)(REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH);
/* To be left as it is by the block layer. */
static const u32 KV_ALONE = (__force u32)REQ_NOMERGE;
static const u32 KV_DISCARD = (__force u32)(REQ_OP_DISCARD | REQ_SYNC);
/* What it is for a process unless it says otherwise. */
static const u16 KV_IO_PRIORITY =
	IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | IOPRIO_BE_NORM;
/*
 * Half of the hints that go with a priority, from this number on. Those that
 * mean something to a device have lower numbers.
 */
static const u16 KV_IO_HINTS = IOPRIO_NR_HINTS / 2;
static const u16 KV_IO_HINT_SHIFT = IOPRIO_HINT_SHIFT;
static const u32 KV_HZ = HZ;
static const unsigned int KV_WORKQUEUE = WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND;
/* For what has time, and may wait for memory. */
static const unsigned int KV_WORKQUEUE_LEISURE = WQ_UNBOUND;

/*
 * What is left free before data, for a frame's head, and behind it, for what the
 * network stack keeps there: so much that the data is aligned for every device.
 */
#if CONFIG_MAX_SKB_FRAGS > 28
#define KV_HEADROOM 1024
#else
#define KV_HEADROOM 512
#endif
/* Such pieces come from 32 KiB, or one page if that is larger: so many pages, by powers of two. */
static const u32 KV_PIECES_ORDER = PAGE_SHIFT < 15 ? 15 - PAGE_SHIFT : 0;

/* Received frames; offsets and lengths count from the Ethernet header. */
static const unsigned int KV_FIRST_BYTES = 6;
bool kv_frame_is_for_us(const struct sk_buff *skb, u8 *to);
void kv_frame_consume(struct sk_buff *skb);
struct sk_buff *kv_frame_receive(struct sk_buff *skb);
int kv_frame_keep(struct sk_buff *skb);
unsigned int kv_frame_peek(const struct sk_buff *skb, u8 *to, unsigned int size);
unsigned int kv_frame_len(const struct sk_buff *skb);
int kv_frame_copy(const struct sk_buff *skb, unsigned int offset, void *to,
		  unsigned int len);
u16 kv_frame_vectors(const struct sk_buff *skb, unsigned int offset,
		     unsigned int len, struct block_device *bdev,
		     struct bio_vec *to, u16 most);
bool kv_frame_was_broadcast(const struct sk_buff *skb);
void kv_frame_get(struct sk_buff *skb);
void kv_frame_free(struct sk_buff *skb);

/* Replies. */
struct sk_buff *kv_reply_alloc(unsigned int linear);
bool kv_reply_fits_frame(struct sk_buff *frame, unsigned int linear);
void kv_reply_in_place(struct sk_buff *frame, const void *head, unsigned int len,
		       unsigned int linear);
struct sk_buff *kv_reply_around(const struct bio_vec *data, const void *head,
				unsigned int len);
u8 *kv_reply_data(const struct sk_buff *skb);
void kv_reply_add_data(struct sk_buff *skb, int index, const struct bio_vec *data);
void kv_reply_follow(struct sk_buff *skb, const struct sk_buff *frame);
bool kv_reply_send(struct sk_buff *skb, struct net_device *dev);

/* What takes all frames of an interface before a protocol sees them. */
enum kv_taker {
	KV_TAKER_NONE,
	KV_TAKER_INTERFACE,
	KV_TAKER_OPEN_VSWITCH,
	KV_TAKER_TAP,
	KV_TAKER_IP,
};

/* Network interfaces. */
struct net_device *kv_netdev_get_by_name(const char *name);
void kv_netdev_hold(struct net_device *dev);
void kv_netdev_put(struct net_device *dev);
void kv_netdev_name(const struct net_device *dev, char *name);
bool kv_netdev_is_named(const struct net_device *dev, const char *name);
unsigned int kv_netdev_mtu(const struct net_device *dev);
void kv_netdev_address(const struct net_device *dev, u8 *to);
bool kv_netdev_is_ethernet(const struct net_device *dev);
bool kv_netdev_is_loopback(const struct net_device *dev);
enum kv_taker kv_netdev_taker(struct net_device *dev, char *name);
bool kv_netdev_is_up(const struct net_device *dev);
bool kv_netdev_has_carrier(const struct net_device *dev);
u64 kv_netdev_namespace(const struct net_device *dev);
u64 kv_current_namespace(void);
struct net_device *kv_notifier_netdev(void *info);

/* Block devices. */
bool kv_bdev_is_gone(struct block_device *bdev);
bool kv_bdev_is_read_only(struct block_device *bdev);
bool kv_bdev_is_zoned(struct block_device *bdev);
void kv_bdev_forget_cached(struct block_device *bdev);
u64 kv_bdev_sectors(struct block_device *bdev);
u32 kv_bdev_number(struct block_device *bdev);
unsigned int kv_bdev_logical_block_size(struct block_device *bdev);
unsigned int kv_bdev_physical_block_size(struct block_device *bdev);
int kv_bdev_alignment_offset(struct block_device *bdev);
bool kv_bdev_can_discard(struct block_device *bdev);
bool kv_bdev_is_rotational(struct block_device *bdev);
bool kv_bdev_takes_both(struct block_device *bdev, const struct bio_vec *one,
			const struct bio_vec *next, u16 count, u32 bytes);

/* Pages. */
struct page_pool *kv_pool_create(unsigned int cpu, unsigned int order);
void kv_pools_destroy(struct page_pool *const *pools, unsigned int count);
struct page *kv_pool_take_page(struct page_pool *const *pools, bool may_wait);
struct page *kv_reserve_page(void);
bool kv_reserve_take_page(struct page *page);
void kv_reserve_free_page(struct page *page);
bool kv_pool_take_piece(struct page_pool *const *pools, unsigned int len,
			struct bio_vec *to);
void kv_page_give_back(struct page *page);
void *kv_page_address(const struct page *page);

/* Threads. */
unsigned int kv_this_cpu(void);
struct kthread_worker *kv_cpu_worker_create(unsigned int cpu, const char *name);
void kv_cpu_worker_rebind(struct kthread_worker *worker, unsigned int cpu);
void kv_cpu_worker_init_work(struct kthread_work *work, kthread_work_func_t run);

/* Processors that come and go. */
struct kv_cpus {
	struct hlist_node node;
	int state;
	void (*changed)(struct kv_cpus *cpus, unsigned int cpu, bool comes);
};

int kv_cpus_follow(struct kv_cpus *cpus);
void kv_cpus_leave(struct kv_cpus *cpus);

/* The rest. */
struct kmem_cache *kv_slab_create(const char *name, unsigned int size,
				  unsigned int align);
void *kv_slab_alloc(struct kmem_cache *cache, gfp_t gfp);
mempool_t *kv_slab_reserve(struct kmem_cache *cache);
void kv_slab_free(struct kmem_cache *cache, mempool_t *reserve, void *object);
void kv_warn_on(bool wrong);
void kv_flush_queue(struct workqueue_struct *queue);
void kv_local_bh_disable(void);
void kv_local_bh_enable(void);
void kv_synchronize_rcu_tasks(void);
void kv_call_rcu(struct callback_head *head, void (*expired)(struct callback_head *head));

/* Tracepoints. */
void kv_trace_request_begin(const struct kv_trace_request *request, unsigned int value,
			    const char *cause);
void kv_trace_request_end(const struct kv_trace_request *request, unsigned int value,
			  const char *cause);
void kv_trace_refuse(const struct kv_trace_request *request, unsigned int value,
		     const char *cause);
void kv_trace_retransmit(const struct kv_trace_request *request, unsigned int value,
			 const char *cause);

/* Files of sysfs. */
struct kernfs_node *kv_sysfs_file(struct kobject *dir, const char *name);
void kv_sysfs_notify(struct kernfs_node *file);
void kv_sysfs_put(struct kernfs_node *file);

#endif
