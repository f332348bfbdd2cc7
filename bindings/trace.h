/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints: /sys/kernel/tracing/events/kvblade.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvblade

#if !defined(KVBLADE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVBLADE_TRACE_H

#include <linux/tracepoint.h>

#ifndef KVBLADE_TRACE_REQUEST
#define KVBLADE_TRACE_REQUEST
/* What is told of a request; lba and sectors are 0 for all but ATA commands. */
struct kv_trace_request {
	u64 lba;
	u32 tag;
	u16 shelf;
	u16 sectors;
	u8 slot;
	u8 command;
	u8 opcode;
	u8 initiator[6];
};
#endif

DECLARE_EVENT_CLASS(kvblade_request,
	TP_PROTO(const struct kv_trace_request *request, unsigned int value,
		 const char *cause),
	TP_ARGS(request, value, cause),
	TP_STRUCT__entry(
		__field(u64, lba)
		__field(u32, tag)
		__field(u32, value)
		__field(u16, shelf)
		__field(u16, sectors)
		__field(u8, slot)
		__field(u8, command)
		__field(u8, opcode)
		__array(u8, initiator, 6)
		__string(cause, cause)
	),
	TP_fast_assign(
		__entry->lba = request->lba;
		__entry->tag = request->tag;
		__entry->value = value;
		__entry->shelf = request->shelf;
		__entry->sectors = request->sectors;
		__entry->slot = request->slot;
		__entry->command = request->command;
		__entry->opcode = request->opcode;
		memcpy(__entry->initiator, request->initiator, 6);
		__assign_str(cause);
	),
	TP_printk("e%u.%u initiator=%pM tag=0x%08x command=%u opcode=0x%02x lba=%llu sectors=%u value=0x%x cause=%s",
		  __entry->shelf, __entry->slot, __entry->initiator,
		  __entry->tag, __entry->command, __entry->opcode, __entry->lba,
		  __entry->sectors, __entry->value, __get_str(cause))
);

/* A request was let in. */
DEFINE_EVENT(kvblade_request, kvblade_request_begin,
	TP_PROTO(const struct kv_trace_request *request, unsigned int value,
		 const char *cause),
	TP_ARGS(request, value, cause));

/* It is answered; value: ATA status and error register, or AoE error. */
DEFINE_EVENT(kvblade_request, kvblade_request_end,
	TP_PROTO(const struct kv_trace_request *request, unsigned int value,
		 const char *cause),
	TP_ARGS(request, value, cause));

/* It is not answered; cause: as the counter in sysfs is called. */
DEFINE_EVENT(kvblade_request, kvblade_refuse,
	TP_PROTO(const struct kv_trace_request *request, unsigned int value,
		 const char *cause),
	TP_ARGS(request, value, cause));

/*
 * A write that has come before; value: 1 if a newer one has followed it. Or, if
 * there is a cause, a request that repeats one which has not been answered yet.
 */
DEFINE_EVENT(kvblade_request, kvblade_retransmit,
	TP_PROTO(const struct kv_trace_request *request, unsigned int value,
		 const char *cause),
	TP_ARGS(request, value, cause));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
