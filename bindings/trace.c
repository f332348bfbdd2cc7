// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints, and functions by which Rust calls them when they are on.
 */

#define CREATE_TRACE_POINTS
#include "kvblade.h"

void kv_trace_request_begin(const struct kv_trace_request *request, unsigned int value,
			    const char *cause)
{
	trace_kvblade_request_begin(request, value, cause);
}

void kv_trace_request_end(const struct kv_trace_request *request, unsigned int value,
			  const char *cause)
{
	trace_kvblade_request_end(request, value, cause);
}

void kv_trace_refuse(const struct kv_trace_request *request, unsigned int value,
		     const char *cause)
{
	trace_kvblade_refuse(request, value, cause);
}

void kv_trace_retransmit(const struct kv_trace_request *request, unsigned int value,
			 const char *cause)
{
	trace_kvblade_retransmit(request, value, cause);
}
