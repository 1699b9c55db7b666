/* Where midged listens: opens the sockets, and says to whom they are open. */
#ifndef MIDGE_LISTENING_H
#define MIDGE_LISTENING_H

#include "broker.h"
#include "configuration.h"
#include "options.h"

/* Listens where the configuration says (NULL: there is none), or where it does not say, as the options do. False: the user
 * has been told why not. */
bool listening_start(struct broker *broker, const struct options *options, const struct configuration *configuration);

/* Removes the files of the Unix sockets that it has made. */
void listening_end(void);

#endif
