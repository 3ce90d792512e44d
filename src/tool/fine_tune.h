/*
 * fine_tune.h
 *	  usercluster-model fine-tune: its arguments, its two kinds of input, the file it writes.
 */
#ifndef UC_TOOL_FINE_TUNE_H
#define UC_TOOL_FINE_TUNE_H

/* argv [argc] is what stands behind the command's name. The exit code: 0, 1 (failed, with a message), 2 (misuse). */
extern int	uc_tool_fine_tune(int argc, char **argv, const char *model_dir);

#endif
