/*
 * words.h
 *	  The commands that part texts into words, and write a static model from vectors of words.
 */
#ifndef UC_TOOL_WORDS_H
#define UC_TOOL_WORDS_H

/* usercluster-model split …, the same. */
extern int	uc_tool_split(int argc, char **argv);

/* usercluster-model words …: arguments behind the command's name; returns the exit code. */
extern int	uc_tool_words(int argc, char **argv, const char *model_dir);

#endif
