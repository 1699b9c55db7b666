/* Where midged listens: opens the sockets, and says to whom they are open. */
#ifndef MIDGE_LISTENING_H
#define MIDGE_LISTENING_H

#include "broker.h"
#include "options.h"

/* Listens where `options` say. False: the user has been told why not. */
bool listening_start(struct broker *broker, const struct options *options);

/* Removes the files of Unix sockets that it has made. */
void listening_end(const struct options *options);

#endif
