/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal on standard input. A guest console wants it raw; whoever started us wants it
 * back as it was, however we end. State is the process's, as the terminal is.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

/*
 * Raw mode, when standard input is a terminal and we are in its foreground; otherwise
 * nothing happens. Output processing stays on. Undone at exit and by fatal signals.
 */
void terminal_raw(void);

/* Raw mode once more after SIGCONT: the shell has put its own settings in between. */
void terminal_continue(void);

/* As it was before terminal_raw(). Safe in a signal handler, and when nothing was changed. */
void terminal_restore(void);

#endif
