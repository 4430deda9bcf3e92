/** Entry of the trace panel's page: registers components, mounts the app. */
import './theme.css';
import { App } from './app';
import { registerToolkit } from './toolkit';

registerToolkit();
new App(document.getElementById('app')!);
