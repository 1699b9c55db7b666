/* Which module an engine is built with: the build defines MIDGE_MODULE_BROKER or MIDGE_MODULE_CLIENT. */
#ifndef MIDGE_MODULE_H
#define MIDGE_MODULE_H

#include "abi.h"

#if defined(MIDGE_MODULE_BROKER)
#define MODULE_NAME "broker"
#define MODULE_EXPORTS MIDGE_BROKER_EXPORTS
#elif defined(MIDGE_MODULE_CLIENT)
#define MODULE_NAME "client"
#define MODULE_EXPORTS MIDGE_CLIENT_EXPORTS
#else
#error "define MIDGE_MODULE_BROKER or MIDGE_MODULE_CLIENT"
#endif

#endif
