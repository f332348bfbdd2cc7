// SPDX-License-Identifier: GPL-2.0
/*
 * Wrappers of macros and inline functions of the kernel's headers. What each may be
 * called with is stated where Rust calls it. What they decide themselves is what
 * C alone can say: where memory comes from and how much of it is kept in reserve,
 * the class of the threads for single CPUs (SCHED_FIFO, low), and whether two bios
 * fit one within the limits of a queue.
 */

#include <linux/cpuhotplug.h>
#include <linux/kthread.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/skbuff_ref.h>
#include <linux/slab.h>
#include <net/page_pool/helpers.h>

#include "kvblade.h"

/* The `module!` macro of the kernel crate has no field for it. */
MODULE_VERSION(KVBLADE_VERSION);

bool kv_bdev_is_gone(struct block_device *bdev)
{
	return test_bit(GD_DEAD, &bdev->bd_disk->state);
}

bool kv_bdev_is_read_only(struct block_device *bdev)
{
	return bdev_read_only(bdev);
}

bool kv_bdev_is_zoned(struct block_device *bdev)
{
	return bdev_is_zoned(bdev);
}

static void kv_forget_cached(struct block_device *bdev)
{
	sync_blockdev(bdev);
	invalidate_bdev(bdev);
	/* Also what is mapped by someone. */
	invalidate_inode_pages2(bdev->bd_mapping);
}

static int kv_forget_partition(struct device *dev, void *class)
{
	if (dev->class == class)
		kv_forget_cached(dev_to_bdev(dev));
	return 0;
}

/*
 * Writes what is cached of a device, and drops it. The same sectors may be
 * cached as those of the whole disk, and as those of a partition.
 */
void kv_bdev_forget_cached(struct block_device *bdev)
{
	struct device *disk = disk_to_dev(bdev->bd_disk);

	kv_forget_cached(bdev);
	if (bdev_is_partition(bdev))
		kv_forget_cached(bdev_whole(bdev));
	else
		device_for_each_child(disk, (void *)disk->class,
				      kv_forget_partition);
}

u64 kv_bdev_sectors(struct block_device *bdev)
{
	return bdev_nr_sectors(bdev);
}

u32 kv_bdev_number(struct block_device *bdev)
{
	return bdev->bd_dev;
}

unsigned int kv_bdev_logical_block_size(struct block_device *bdev)
{
	return bdev_logical_block_size(bdev);
}

unsigned int kv_bdev_physical_block_size(struct block_device *bdev)
{
	return bdev_physical_block_size(bdev);
}

int kv_bdev_alignment_offset(struct block_device *bdev)
{
	return bdev_alignment_offset(bdev);
}

bool kv_bdev_can_discard(struct block_device *bdev)
{
	return bdev_max_discard_sectors(bdev);
}

bool kv_bdev_is_rotational(struct block_device *bdev)
{
	return bdev_rot(bdev);
}

/*
 * Whether one can follow the other in a bio of count vectors with so many bytes
 * in all, without its being split.
 */
bool kv_bdev_takes_both(struct block_device *bdev, const struct bio_vec *one,
			const struct bio_vec *next, u16 count, u32 bytes)
{
	unsigned long gap = queue_virt_boundary(bdev_get_queue(bdev));

	return count <= bdev_max_segments(bdev) &&
	       bytes <= queue_max_bytes(bdev_get_queue(bdev)) &&
	       !(((one->bv_offset + one->bv_len) | next->bv_offset) & gap);
}

/*
 * On a real-time kernel holding off softirqs does not keep the CPU to oneself,
 * as the pool of one CPU requires.
 */
struct page_pool *kv_pool_create(unsigned int cpu, unsigned int order)
{
	struct page_pool_params params = {
		.order = order,
		.pool_size = SZ_2M >> PAGE_SHIFT >> order,
		.nid = cpu_online(cpu) ? cpu_to_mem(cpu) : NUMA_NO_NODE,
	};
	struct page_pool *pool;

	if (!cpu_online(cpu) || IS_ENABLED(CONFIG_PREEMPT_RT))
		return NULL;
	pool = page_pool_create_percpu(&params, cpu);
	return IS_ERR(pool) ? NULL : pool;
}

void kv_pools_destroy(struct page_pool *const *pools, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (pools[i])
			page_pool_disable_direct_recycling(pools[i]);
	/* Softirqs that have not seen this yet. */
	synchronize_rcu();
	for (i = 0; i < count; i++)
		page_pool_destroy(pools[i]);
}

struct page *kv_pool_take_page(struct page_pool *const *pools, bool may_wait)
{
	struct page_pool *pool;
	struct page *page = NULL;

	local_bh_disable();
	pool = READ_ONCE(pools[smp_processor_id()]);
	if (pool)
		page = page_pool_alloc_pages(pool, GFP_NOWAIT | __GFP_NOWARN);
	local_bh_enable();
	/* Without __GFP_NORETRY it would be tried until there is memory. */
	return page ?: alloc_page((may_wait ? GFP_NOIO | __GFP_NORETRY : GFP_NOWAIT) |
				  __GFP_NOWARN);
}

struct page *kv_reserve_page(void)
{
	return alloc_page(GFP_KERNEL);
}

/* Another reference, if no one has one but the reserve. */
bool kv_reserve_take_page(struct page *page)
{
	if (page_ref_inc_return(page) == 2)
		return true;
	put_page(page);
	return false;
}

void kv_reserve_free_page(struct page *page)
{
	put_page(page);
}

bool kv_pool_take_piece(struct page_pool *const *pools, unsigned int len,
			struct bio_vec *to)
{
	unsigned int size = KV_HEADROOM + ALIGN(len, SECTOR_SIZE) + KV_HEADROOM, offset;
	struct page_pool *pool;
	struct page *page = NULL;

	if (size > PAGE_SIZE << KV_PIECES_ORDER)
		return false;
	local_bh_disable();
	pool = READ_ONCE(pools[smp_processor_id()]);
	if (pool)
		page = page_pool_alloc_frag(pool, &offset, size,
					    GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY);
	local_bh_enable();
	if (!page)
		return false;
	offset += KV_HEADROOM;
	bvec_set_page(to, page + (offset >> PAGE_SHIFT), len, offset_in_page(offset));
	return true;
}

void kv_page_give_back(struct page *page)
{
	skb_page_unref(page_to_netmem(page), true);
}

void *kv_page_address(const struct page *page)
{
	return page_address(page);
}

unsigned int kv_this_cpu(void)
{
	return raw_smp_processor_id();
}

struct kthread_worker *kv_cpu_worker_create(unsigned int cpu, const char *name)
{
	struct kthread_worker *worker = kthread_create_worker_on_cpu(cpu, 0, name);

	if (!IS_ERR(worker)) {
		sched_set_fifo_low(worker->task);
		wake_up_process(worker->task);
	}
	return worker;
}

/* The thread has lost its CPU when that went. */
void kv_cpu_worker_rebind(struct kthread_worker *worker, unsigned int cpu)
{
	set_cpus_allowed_ptr(worker->task, cpumask_of(cpu));
}

void kv_cpu_worker_init_work(struct kthread_work *work, kthread_work_func_t run)
{
	kthread_init_work(work, run);
}

static int cpu_comes(unsigned int cpu, struct hlist_node *node)
{
	struct kv_cpus *cpus = hlist_entry(node, struct kv_cpus, node);

	cpus->changed(cpus, cpu, true);
	return 0;
}

static int cpu_goes(unsigned int cpu, struct hlist_node *node)
{
	struct kv_cpus *cpus = hlist_entry(node, struct kv_cpus, node);

	cpus->changed(cpus, cpu, false);
	return 0;
}

int kv_cpus_follow(struct kv_cpus *cpus)
{
	int err;

	cpus->state = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "kvblade_rs:online",
					      cpu_comes, cpu_goes);
	if (cpus->state < 0)
		return cpus->state;
	err = cpuhp_state_add_instance(cpus->state, &cpus->node);
	if (err)
		cpuhp_remove_multi_state(cpus->state);
	return err;
}

void kv_cpus_leave(struct kv_cpus *cpus)
{
	cpuhp_state_remove_instance_nocalls(cpus->state, &cpus->node);
	cpuhp_remove_multi_state(cpus->state);
}

/* The kernel clears no objects that have a constructor. */
static void kv_slab_construct(void *object)
{
}

struct kmem_cache *kv_slab_create(const char *name, unsigned int size,
				  unsigned int align)
{
	return kmem_cache_create(name, size, align, SLAB_HWCACHE_ALIGN,
				 kv_slab_construct);
}

void *kv_slab_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc(cache, gfp);
}

static void *kv_reserve_alloc(gfp_t gfp, void *cache)
{
	return kmem_cache_alloc(cache, gfp);
}

static void kv_reserve_free(void *object, void *cache)
{
	kmem_cache_free(cache, object);
}

/* The kernel's own functions for this want no constructor. */
mempool_t *kv_slab_reserve(struct kmem_cache *cache)
{
	return mempool_create(1, kv_reserve_alloc, kv_reserve_free, cache);
}

/* To the reserve if it has less than it should. */
void kv_slab_free(struct kmem_cache *cache, mempool_t *reserve, void *object)
{
	if (unlikely(READ_ONCE(reserve->curr_nr) < READ_ONCE(reserve->min_nr)))
		mempool_free(object, reserve);
	else
		kmem_cache_free(cache, object);
}

void kv_warn_on(bool wrong)
{
	WARN_ON(wrong);
}

void kv_flush_queue(struct workqueue_struct *queue)
{
	flush_workqueue(queue);
}

void kv_local_bh_disable(void)
{
	local_bh_disable();
}

void kv_local_bh_enable(void)
{
	local_bh_enable();
}

void kv_synchronize_rcu_tasks(void)
{
	synchronize_rcu_tasks();
}

void kv_call_rcu(struct callback_head *head, void (*expired)(struct callback_head *head))
{
	call_rcu(head, expired);
}

struct kernfs_node *kv_sysfs_file(struct kobject *dir, const char *name)
{
	return dir->sd ? sysfs_get_dirent(dir->sd, name) : NULL;
}

void kv_sysfs_notify(struct kernfs_node *file)
{
	sysfs_notify_dirent(file);
}

void kv_sysfs_put(struct kernfs_node *file)
{
	sysfs_put(file);
}
