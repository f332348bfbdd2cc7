// SPDX-License-Identifier: GPL-2.0
/*
 * Does wrong what a debug kernel must notice, and is not loaded in the end: to
 * see that a test run fails by what the kernel says of it.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#define SIZE 100

static char *what;
module_param(what, charp, 0);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void overflow(void)
{
	u8 *bytes = kmalloc(SIZE, GFP_KERNEL);

	if (bytes)
		READ_ONCE(bytes[SIZE]);
	kfree(bytes);
}

static void freed(void)
{
	u8 *bytes = kmalloc(SIZE, GFP_KERNEL);

	kfree(bytes);
	if (bytes)
		READ_ONCE(bytes[SIZE / 2]);
}

static void sleep_in_atomic(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

static void inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static const struct {
	const char *name;
	void (*make)(void);
} troubles[] = {
	{ "sleep", sleep_in_atomic },
	{ "inversion", inversion },
	{ "overflow", overflow },
	{ "freed", freed },
};

static int __init trouble(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(troubles); i++)
		if (what && !strcmp(what, troubles[i].name)) {
			troubles[i].make();
			return -ECANCELED;
		}
	return -EINVAL;
}

module_init(trouble);
MODULE_DESCRIPTION("Trouble for debug kernels");
MODULE_LICENSE("GPL");
