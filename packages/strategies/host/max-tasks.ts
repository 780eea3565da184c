/** Of one execution, files to be read among them. An outcome that names all of them is one message. */
export const MAX_TASKS = 10_000;
